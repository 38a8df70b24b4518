PRAGMA application_id = 1262831189;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    platform INTEGER NOT NULL,
    name ANY NOT NULL, -- TEXT where it is UTF-8, else BLOB
    UNIQUE (platform, name)
) STRICT;
INSERT INTO "device" VALUES(1,1,'phone');
INSERT INTO "device" VALUES(2,2,X'FF');
CREATE TABLE kept_key (
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    msgid INTEGER NOT NULL,
    PRIMARY KEY (appid, uid)
) STRICT, WITHOUT ROWID;
INSERT INTO "kept_key" VALUES(7,1,7);
CREATE TABLE message (
    n INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL,
    command INTEGER NOT NULL,
    customer_appid INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    seller_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content ANY NOT NULL -- TEXT where it is UTF-8, else BLOB
) STRICT;
INSERT INTO "message" VALUES(1,11,24,7,1,3,2,1500000000,'你好');
INSERT INTO "message" VALUES(2,11,24,7,1,3,2,1500000000,'{"text":"hello","uuid":"a"}');
INSERT INTO "message" VALUES(3,11,24,7,2,3,2,1500000000,X'FF00');
INSERT INTO "message" VALUES(4,11,25,7,1,3,2,1500000000,'{"text":"hello","uuid":"b"}');
INSERT INTO "message" VALUES(5,11,24,7,1,3,2,1500000000,'x');
INSERT INTO "message" VALUES(6,11,24,7,3,3,2,1500000000,'last');
CREATE TABLE push (
    id INTEGER PRIMARY KEY,
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    command INTEGER NOT NULL,
    customer_appid INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    seller_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content ANY NOT NULL
) STRICT;
INSERT INTO "push" VALUES(1,1453,2,24,7,1,3,2,1500000000,'to be pushed');
CREATE TABLE queue (
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    msgid INTEGER NOT NULL,
    mark INTEGER, -- in the sender's copy: a hash of receiver and uuid, if there is a uuid
    PRIMARY KEY (appid, uid, msgid)
) STRICT, WITHOUT ROWID;
INSERT INTO "queue" VALUES(7,1,2,NULL);
INSERT INTO "queue" VALUES(7,1,4,5647246123799564332);
INSERT INTO "queue" VALUES(7,1,7,NULL);
INSERT INTO "queue" VALUES(7,1,10,NULL);
INSERT INTO "queue" VALUES(7,2,6,NULL);
INSERT INTO "queue" VALUES(7,3,12,NULL);
INSERT INTO "queue" VALUES(1453,2,1,NULL);
INSERT INTO "queue" VALUES(1453,2,3,NULL);
INSERT INTO "queue" VALUES(1453,2,5,NULL);
INSERT INTO "queue" VALUES(1453,2,8,-6811085413343942013);
INSERT INTO "queue" VALUES(1453,2,9,NULL);
INSERT INTO "queue" VALUES(1453,2,11,NULL);
CREATE VIEW queued AS
    SELECT q.appid, q.uid, q.msgid, datetime(m.timestamp, 'unixepoch') AS at,
        CASE m.command WHEN 24 THEN 'CUSTOMER' WHEN 25 THEN 'CUSTOMER_SUPPORT' END AS command,
        m.device_id, m.customer_appid, m.customer_id, m.store_id, m.seller_id, m.content
    FROM queue q JOIN message m ON m.n = (q.msgid + 1) / 2;
COMMIT;
