//! What a run says about each of the repository's files.

/// In the order of the files.
pub(crate) const SUMMARIES: [&str; 5] = [
    "\
415 as recorded
124 differ on purpose:
    95 zero-identity (H12)
     5 zero-identity (H12) and unlisted-command (W3.4)
    12 clock-range (H4.2)
    12 unlisted-command (W3.4)
539 passed, 0 failed
",
    "\
535 as recorded
34 differ on purpose:
    27 unlisted-command (W3.4)
     6 ack-status (W3.5)
     1 later-command (W9, W10)
569 passed, 0 failed
",
    "\
402 as recorded
162 differ on purpose:
    76 zero-identity (H12)
     2 zero-identity (H12) and unlisted-command (W3.4)
     1 zero-identity (H12) and error:cmd (S5.2)
     2 zero-identity (H12) and deprecated-command (H2, H3)
     6 clock-range (H4.2)
     5 unlisted-command (W3.4)
     3 error:cmd (S5.2)
     2 deprecated-command (H2, H3)
    65 server-flag (H13.4)
564 passed, 0 failed
",
    "\
324 as recorded
70 differ on purpose:
    27 unlisted-command (W3.4)
    11 error:cmd (S5.2)
    29 deprecated-command (H2, H3)
     3 auth-status-v0 (W3.3)
394 passed, 0 failed
",
    "\
50 as recorded
12 differ on purpose:
     1 deprecated-command (H2, H3)
     1 deprecated-command (H2, H3) and same-device (H7.5)
     1 server-flag (H13.4) and same-device (H7.5)
     3 auth-status-v0 (W3.3)
     3 same-device (H7.5)
     1 same-device (H7.5) and to-self (H7.4)
     1 unreadable-body (D4.8)
     1 translated (D2)
62 passed, 0 failed
",
];
