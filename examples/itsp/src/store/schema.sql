-- The tables of a Kamailio installation (5.6 and later), so that its tools and its data fit,
-- and after them our own. Indexes are chosen for this server: `location` has none on `expires`,
-- since keeping it would cost more than one sweep a minute.

CREATE TABLE IF NOT EXISTS version (
    id            INTEGER PRIMARY KEY NOT NULL,
    table_name    VARCHAR(32) NOT NULL,
    table_version INTEGER NOT NULL DEFAULT 0,
    UNIQUE (table_name)
);

-- Who may register and call: ha1 = MD5(user:realm:password), ha1b = MD5(user@domain:realm:password).
CREATE TABLE IF NOT EXISTS subscriber (
    id       INTEGER PRIMARY KEY NOT NULL,
    username VARCHAR(64) NOT NULL DEFAULT '',
    domain   VARCHAR(64) NOT NULL DEFAULT '',
    password VARCHAR(64) NOT NULL DEFAULT '',
    ha1      VARCHAR(128) NOT NULL DEFAULT '',
    ha1b     VARCHAR(128) NOT NULL DEFAULT '',
    UNIQUE (username, domain)
);

-- The domains served; those that share a did are one domain under several names.
CREATE TABLE IF NOT EXISTS domain (
    id            INTEGER PRIMARY KEY NOT NULL,
    domain        VARCHAR(64) NOT NULL,
    did           VARCHAR(64) DEFAULT NULL,
    last_modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:01',
    UNIQUE (domain)
);

CREATE TABLE IF NOT EXISTS domain_attrs (
    id            INTEGER PRIMARY KEY NOT NULL,
    did           VARCHAR(64) NOT NULL,
    name          VARCHAR(32) NOT NULL,
    type          INTEGER NOT NULL,
    value         VARCHAR(255) NOT NULL,
    last_modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:01'
);
CREATE INDEX IF NOT EXISTS domain_attrs_idx ON domain_attrs (did, name);

-- Other names of subscribers.
CREATE TABLE IF NOT EXISTS dbaliases (
    id             INTEGER PRIMARY KEY NOT NULL,
    alias_username VARCHAR(64) NOT NULL DEFAULT '',
    alias_domain   VARCHAR(64) NOT NULL DEFAULT '',
    username       VARCHAR(64) NOT NULL DEFAULT '',
    domain         VARCHAR(64) NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS dbaliases_alias_user_idx ON dbaliases (alias_username);
CREATE INDEX IF NOT EXISTS dbaliases_alias_idx ON dbaliases (alias_username, alias_domain);
CREATE INDEX IF NOT EXISTS dbaliases_target_idx ON dbaliases (username, domain);

CREATE TABLE IF NOT EXISTS usr_preferences (
    id            INTEGER PRIMARY KEY NOT NULL,
    uuid          VARCHAR(64) NOT NULL DEFAULT '',
    username      VARCHAR(255) NOT NULL DEFAULT '0',
    domain        VARCHAR(64) NOT NULL DEFAULT '',
    attribute     VARCHAR(32) NOT NULL DEFAULT '',
    type          INTEGER NOT NULL DEFAULT 0,
    value         VARCHAR(128) NOT NULL DEFAULT '',
    last_modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:01'
);
CREATE INDEX IF NOT EXISTS usr_preferences_ua_idx ON usr_preferences (uuid, attribute);
CREATE INDEX IF NOT EXISTS usr_preferences_uda_idx ON usr_preferences (username, domain, attribute);

-- Registered contacts; DATETIMEs are local time.
CREATE TABLE IF NOT EXISTS location (
    id            INTEGER PRIMARY KEY NOT NULL,
    ruid          VARCHAR(64) NOT NULL DEFAULT '',
    username      VARCHAR(64) NOT NULL DEFAULT '',
    domain        VARCHAR(64) DEFAULT NULL,
    contact       VARCHAR(512) NOT NULL DEFAULT '',
    received      VARCHAR(128) DEFAULT NULL,
    path          VARCHAR(512) DEFAULT NULL,
    expires       DATETIME NOT NULL DEFAULT '2030-05-28 21:32:15',
    q             FLOAT(10,2) NOT NULL DEFAULT 1.0,
    callid        VARCHAR(255) NOT NULL DEFAULT 'Default-Call-ID',
    cseq          INTEGER NOT NULL DEFAULT 1,
    last_modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:01',
    flags         INTEGER NOT NULL DEFAULT 0,
    cflags        INTEGER NOT NULL DEFAULT 0,
    user_agent    VARCHAR(255) NOT NULL DEFAULT '',
    socket        VARCHAR(64) DEFAULT NULL,
    methods       INTEGER DEFAULT NULL,
    instance      VARCHAR(255) DEFAULT NULL,
    reg_id        INTEGER NOT NULL DEFAULT 0,
    server_id     INTEGER NOT NULL DEFAULT 0,
    connection_id INTEGER NOT NULL DEFAULT 0,
    keepalive     INTEGER NOT NULL DEFAULT 0,
    partition     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (ruid)
);

-- What `subscriber` has no room for: the same two secrets by SHA-256 (RFC 8760). They hold as long as `md5` is the
-- subscriber's ha1, so that a password changed by other tools is not undermined by what stands here.
CREATE TABLE IF NOT EXISTS itsp_subscriber_sha256 (
    username VARCHAR(64) NOT NULL,
    domain   VARCHAR(64) NOT NULL,
    md5      VARCHAR(128) NOT NULL,
    ha1      VARCHAR(64) NOT NULL,
    ha1b     VARCHAR(64) NOT NULL,
    PRIMARY KEY (username, domain)
) WITHOUT ROWID;

-- What happened to contacts since `location` was last brought up to date: rows are only ever added, and
-- trimmed once folded in. `expires` is seconds since 1970 UTC; a contact that went has `gone` = 1.
CREATE TABLE IF NOT EXISTS itsp_location_journal (
    seq        INTEGER PRIMARY KEY,
    ruid       VARCHAR(64) NOT NULL,
    gone       INTEGER NOT NULL,
    username   VARCHAR(64) NOT NULL,
    domain     VARCHAR(64) NOT NULL,
    contact    VARCHAR(512) NOT NULL,
    received   VARCHAR(128),
    path       VARCHAR(512),
    expires    INTEGER NOT NULL,
    q          FLOAT(10,2) NOT NULL,
    callid     VARCHAR(255) NOT NULL,
    cseq       INTEGER NOT NULL,
    user_agent VARCHAR(255) NOT NULL,
    socket     VARCHAR(64),
    instance   VARCHAR(255),
    methods    INTEGER,
    reg_id     INTEGER NOT NULL,
    cflags     INTEGER NOT NULL
);

-- What nonces and dialog cookies are signed with; the newest signs. `id` is what they name it by, `made` seconds since
-- 1970 UTC.
CREATE TABLE IF NOT EXISTS itsp_signing_key (
    seq    INTEGER PRIMARY KEY,
    id     INTEGER NOT NULL,
    secret BLOB NOT NULL,
    made   INTEGER NOT NULL
);
