//! S10.1: the mark of a message.

use kefu_proto::checker::uuid;

#[test]
fn s10_1_the_mark_is_a_string_of_the_object() {
    let marked: [(&str, &str); 8] = [
        (r#"{"uuid":"a"}"#, "a"),
        (r#" { "text" : "hi" , "uuid" : "a-1" } "#, "a-1"),
        (r#"{"text":{"uuid":"b"},"uuid":"a"}"#, "a"),
        (r#"{"uuid":"a","list":["uuid",{"uuid":"b"}]}"#, "a"),
        (r#"{"text":"\"uuid\":\"b\"","uuid":"a"}"#, "a"),
        (r#"{"uuid":"a\"b"}"#, r#"a\"b"#),
        (r#"{"uuid":"a","uuid":"b"}"#, "b"),
        (r#"{"a":"uuid","n":12,"t":true,"uuid":"a"}"#, "a"),
    ];
    for (content, mark) in marked {
        assert_eq!(uuid(content.as_bytes()), Some(mark.as_bytes()), "{content}");
    }
}

#[test]
fn s10_1_without_a_mark_it_is_never_a_repeat() {
    let unmarked = [
        "",
        "hi",
        r#""uuid""#,
        r#"["uuid","a"]"#,
        r#"{"uuid":""}"#,
        r#"{"uuid" "a"}"#,
        r#"{"uuid":12}"#,
        r#"{"uuid":null}"#,
        r#"{"uuid":["a"]}"#,
        r#"{"uuid":{"uuid":"a"}}"#,
        r#"{"UUID":"a"}"#,
        r#"{"uuid":"a""#,
        r#"{"uuid":"a"#,
        r#"{"uuid":"a"} more"#,
        r#"{"uuid":"a","uuid":1}"#,
        r#"{"text":"uuid"}"#,
        r#"{"uuid" "a"}"#,
        "{",
        "{}",
    ];
    for content in unmarked {
        assert_eq!(uuid(content.as_bytes()), None, "{content}");
    }
}
