// limits.h - every limit of the server, by room, with its reason. Users' settings name these defaults.
#pragma once

// ---- base ----

// One error text, with its terminating zero. Long enough for an upstream message with an SQL text in it.
#define ERROR_TEXT_MAX 1024u
// A growing array never gets past this: outside counts are bounded long before.
#define VEC_BYTES_MAX (1ull << 34)
// A file name with its directories and the terminating zero, as Linux has it. Longer: STATUS_LIMIT.
#define OS_PATH_BYTES_MAX 4096u
// Stack of every thread we start: the same everywhere, whatever `ulimit -s` says.
#define THREAD_STACK_BYTES (8u << 20)
// One line of the server log.
#define LOG_LINE_MAX 4096u

// A configuration file, its keys, and arrays within arrays in it.
#define TOML_BYTES_MAX (1u << 20)
#define TOML_ENTRIES_MAX 10000u
#define TOML_DEPTH_MAX 16u

// ---- sats ----

// Nesting of types and values. Ours: upstream has none and can be made to overflow its stack.
#define SATS_DEPTH_MAX 256u
// Nested arrays and objects in JSON, as upstream's reader has it ("recursion limit exceeded").
#define JSON_DEPTH_MAX 128u
// Elements of an array whose items take no bytes: they would cost the sender nothing.
#define SATS_EMPTY_ELEMENTS_MAX (1u << 16)
// Types in one typespace, all nodes counted; a real module has hundreds.
#define SATS_TYPE_NODES_MAX (1u << 20)
// Nodes of one type after its Refs are replaced by copies: pairs of pairs of pairs grow without end.
#define SATS_RESOLVED_NODES_MAX (1u << 16)
// Issuer or subject of an identity, as upstream checks them in a token.
#define IDENTITY_CLAIM_BYTES_MAX 128u

// ---- schema ----

// Bytes of one module description.
#define MODULE_DEF_BYTES_MAX (64u << 20)
// Memory of one ModuleDef: the densest description (types without names) grows 48-fold when it is decoded.
#define MODULE_DEF_ARENA_BYTES_MAX (64ull * MODULE_DEF_BYTES_MAX)
// Items of one list in a description: tables, reducers, columns of a key ...
#define MODULE_DEF_ITEMS_MAX 65536u
// Errors that are collected about one description; the text shows the first few.
#define MODULE_DEF_ERRORS_MAX 1000u
// Nesting of submodules. Ours: upstream recurses without a limit.
#define MODULE_DEF_SUBMODULE_DEPTH_MAX 16u
// Nodes of one type with every Ref written out. Ours: forty types that hold the one before twice would do 2^40 steps.
#define MODULE_DEF_TYPE_NODES_MAX (1u << 16)
// The same for the columns of all tables and views together, which are stored written out.
#define MODULE_DEF_COLUMN_NODES_MAX (1u << 20)
// A submodule's namespace, as upstream.
#define NAMESPACE_BYTES_MAX 63u
// Environment declarations (since-2.8.md 1.1): one key, one literal, all keys and literals, the numbers of them.
#define ENVIRONMENT_NAME_BYTES_MAX 256u
#define ENVIRONMENT_VALUE_BYTES_MAX 8192u
#define ENVIRONMENT_SCHEMA_BYTES_MAX (2u << 20)
#define ENVIRONMENT_ITEMS_MAX 256u
#define ENVIRONMENT_LITERALS_MAX 256u

// ---- store ----

// Table and index ids from USER_ID_MIN on. Each publish that adds columns draws new ones; hundreds are usual.
#define STORE_IDS_MAX (1u << 22)
// One row's BSATN. Upstream has none but the u32 length; a larger row could not be sent to any client. The row
// of st_module holds a whole program (MODULE_PROGRAM_BYTES_MAX) and a little more.
#define STORE_ROW_BYTES_MAX ((256u << 20) + 4096u)
// The catalog rows of one table's columns, and again those of all else that belongs to it. Types take some
// sixteen times that in memory. Larger: refused, by a publish or while replaying.
#define STORE_SCHEMA_ROWS_BYTES_MAX (8u << 20)
// The schema of one table in memory.
#define STORE_SCHEMA_BYTES_MAX (512u << 20)
// What a transaction notes to undo itself and to say what it did.
#define STORE_TX_BYTES_MAX (64ull << 30)

// ---- log ----

// A segment is closed once it has this many bytes (commitlog.max-segment-size).
#define LOG_SEGMENT_BYTES_MAX (1ull << 30)
// One transaction's record. u32 in the format; the rest of the server holds it in memory twice.
#define LOG_RECORD_BYTES_MAX (1u << 31)
// Bytes appended but not yet written; past it the executor waits for the disk.
#define LOG_PENDING_BYTES_MAX (64u << 20)
// Commits of one write and one sync, unless one is larger: how far from a lost commit a crash can leave a whole one.
#define LOG_GROUP_BYTES_MAX (8u << 20)
// While the disk is full, a write is tried this often.
#define LOG_FULL_RETRY_MS 200u
// An idle log thread ends after this long; the next append starts one again.
#define LOG_THREAD_IDLE_MS 10000u
// Segment files of one log that are looked at when opening.
#define LOG_SEGMENTS_MAX 1048576u
// Bytes of commits between two entries of an offset index; entries of one that are read (16 times a whole segment's).
#define LOG_INDEX_INTERVAL_BYTES 4096u
#define LOG_INDEX_ENTRIES_MAX (1u << 22)
// What is kept free in OS_PATH_BYTES_MAX for names below a log's directory. Longer ones: STATUS_LIMIT.
#define LOG_NAME_BYTES_MAX 512u
// A snapshot is due after every so many transactions (upstream: the same), and after every segment.
#define LOG_SNAPSHOT_INTERVAL 1000000u
// Snapshots of one database that are looked at; nothing deletes them.
#define LOG_SNAPSHOTS_MAX 65536u
// The file that lists a snapshot's pages: 36 bytes for every 64 KiB of rows. Larger: no snapshot.
#define LOG_SNAPSHOT_FILE_BYTES_MAX (1u << 30)
// The table at the end of a compressed segment: 8 bytes for every 4096. A larger segment stays as it is.
#define LOG_SEGMENT_PACKED_TABLE_BYTES_MAX (64u << 20)

// ---- host ----

// A program as uploaded.
#define MODULE_PROGRAM_BYTES_MAX (256u << 20)
// Linear memory of one instance.
#define MODULE_MEMORY_BYTES_MAX (4ull << 30)
// Wasm call stack of one instance, as upstream.
#define MODULE_STACK_BYTES_MAX (512u << 10)
// Open byte sources of one call (env_get answers NO_SPACE past it).
#define MODULE_BYTES_SOURCES_MAX 256u
// What byte sources hold that nothing else keeps: answers to a procedure's HTTP requests. More: the call traps.
#define MODULE_SOURCES_OWNED_BYTES_MAX (256ull << 20)
// Outbound HTTP of procedures. An exchange with its redirects: the default, and the longest a module may ask for,
// as upstream.
#define MODULE_HTTP_TIMEOUT_DEFAULT_MS 30000
#define MODULE_HTTP_TIMEOUT_MS_MAX 180000
#define MODULE_HTTP_REDIRECTS_MAX 10u
// A request's URI and headers, a response's headers; either body. Ours: upstream has none. Larger: the request fails.
#define MODULE_HTTP_HEAD_BYTES_MAX (1u << 20)
#define MODULE_HTTP_BODY_BYTES_MAX (64u << 20)
// The name of a method that is none of the usual ones.
#define MODULE_HTTP_METHOD_BYTES_MAX 64u
// Open row iterators of one instance; a module that leaks more traps.
#define MODULE_ROW_ITERS_MAX 65536u
// Seconds one call may run (epoch interruption); upstream's fuel amounts to about a minute.
#define MODULE_CALL_SECONDS_MAX 60u
// Rows are handed to a module in chunks that close after this many bytes, as upstream.
#define MODULE_ROW_CHUNK_BYTES 32768u
// Bytes in all open row iterators of an instance. More: the scan traps.
#define MODULE_ROW_ITER_BYTES_MAX (4ull << 30)
// Chunks an instance keeps for its next scan.
#define MODULE_ROW_CHUNKS_KEPT_MAX 16u
// What one function writes into a sink: a result or an error text. More: errno NO_SPACE.
#define MODULE_SINK_BYTES_MAX (1u << 30)
// Running console timers of an instance, and the name of one. More: console_timer_start traps.
#define MODULE_TIMERS_MAX 4096u
#define MODULE_TIMER_NAME_BYTES_MAX 65536u
// Each text of one log record; longer ones are cut.
#define MODULE_LOG_TEXT_BYTES_MAX (1u << 20)
// Frames of a backtrace in a log record; outer ones are left out.
#define MODULE_TRACE_FRAMES_MAX 64u
// Compiled code of one program, in the cache.
#define MODULE_CODE_BYTES_MAX (1u << 30)
// Memories and tables of one instance, and the elements of a table (functions and vtables live there).
#define MODULE_MEMORIES_MAX 4
#define MODULE_TABLES_MAX 64
#define MODULE_TABLE_ELEMENTS_MAX (1 << 22)
// How often running calls are looked at (upstream: 10 ms), and looks without any call before the clock stops.
#define MODULE_TICK_MS 10u
#define MODULE_IDLE_TICKS_MAX 10u
// A scheduled row further in the future: errno SCHEDULE_AT_DELAY_TOO_LONG. 2^36 - 1, as upstream's timer wheel.
#define SCHEDULE_DELAY_MS_MAX 68719476735ll

// ---- sql ----

// One SQL text (upstream: 50,000).
#define SQL_TEXT_BYTES_MAX 50000u
// Nesting of an expression's parentheses and prefixes (upstream: 47).
#define SQL_DEPTH_MAX 128u
// Levels of an expression's tree, as upstream: also the terms of a chain of comparisons.
#define SQL_EXPR_LEVELS_MAX 1600u
// Fragments that row-level security makes out of one query; upstream has no limit.
#define SQL_FRAGMENTS_MAX 1024u
// Nodes of all fragments' expressions together.
#define SQL_NODES_MAX (1u << 18)
// Memory for compiling one text, given back at the end; the limits above keep it far below.
#define SQL_SCRATCH_BYTES_MAX (512u << 20)
// Relations joined in one fragment, after row-level security; upstream has no limit.
#define SQL_RELATIONS_MAX 32u
// Rules of row-level security within rules.
#define SQL_RULES_DEPTH_MAX 32u
// Relations joined in one fragment of a subscription; upstream: 2. More: "Invalid number of tables in subscription".
#define SQL_LIVE_RELATIONS_MAX 8u
#define SQL_KEYS_MAX 64u  // columns of one ORDER BY or GROUP BY
// Memory for what ORDER BY or GROUP BY gathers. More: the query fails.
#define SQL_GATHERED_BYTES_MAX (256u << 20)
// Rows that one query may look at in one place of its plan; at some 10 ns each, which the database's other
// callers wait. More: the query fails. Ours: upstream has no limit.
#define SQL_TOUCHED_ROWS_MAX (1u << 28)
// Rows of an index looked at to tell how many different keys it has, for row_limit; the others are taken to be alike.
#define SQL_ESTIMATE_ROWS_MAX 4096u
// One condition in an answer of EXPLAIN; longer ones are cut.
#define SQL_EXPLAIN_TEXT_BYTES_MAX 1000u

// ---- sync ----

// Messages waiting for one slow client, and their bytes. Full: it is disconnected; we neither block nor drop single ones.
#define OUTBOX_MESSAGES_MAX 16384u
#define OUTBOX_BYTES_MAX (256u << 20)
// Messages of one client waiting for the executor (websocket.incoming-queue-length). Full: close 1013.
#define INBOX_MESSAGES_MAX 16384u
// Query sets of one client, and the queries that all of them hold. Ours: upstream has no limits. More: an error.
#define CLIENT_QUERY_SETS_MAX 100000u
#define CLIENT_QUERIES_MAX 100000u
#define CLIENT_READS_MAX 4u  // large first answers not yet taken; more: the executor reads
// One message to a client; its length is a u32. Rows that would make it larger are an error of their query.
#define SERVER_MESSAGE_BYTES_MAX (1u << 30)
// What one commit tells all queries together, and in different messages: either more ends what is left over.
#define SYNC_COMMIT_BYTES_MAX (1u << 30)
// Changed rows of a commit that are sorted by who waits for them. Beyond it queries look at all of its rows.
#define WATCH_MATCHES_MAX (1u << 18)
// The plan of one query: what SQL_NODES_MAX and SQL_FRAGMENTS_MAX allow stays far below.
#define QUERY_PLAN_BYTES_MAX (512u << 20)

// ---- auth ----

// A discovery document or key set. Larger: the token is refused with 401.
#define AUTH_DOCUMENT_BYTES_MAX (1u << 20)
// One request to an issuer, redirects included. Longer: 401. Nobody but the caller waits for it.
#define AUTH_FETCH_MS_MAX 10000u
#define AUTH_REDIRECTS_MAX 5u
// Issuers whose keys are kept; the one that was not used for the longest time makes room.
#define AUTH_ISSUERS_MAX 256u
// Keys of one issuer. More: 401.
#define AUTH_ISSUER_KEYS_MAX 1000u
// Keys are fetched again when they are older, as upstream does.
#define AUTH_KEYS_SECONDS_MAX 300u
// Tokens of ours whose signature is not verified again; 32 bytes each. A power of two.
#define AUTH_VERIFIED_MAX 4096u
// One PEM file.
#define AUTH_KEY_FILE_BYTES_MAX 65536u
// The payload of a token that we sign; what comes in is bounded by HTTP_HEAD_BYTES_MAX.
#define AUTH_PAYLOAD_BYTES_MAX (256u << 10)
// Reading one token: its parts, decoded.
#define AUTH_TOKEN_ARENA_BYTES_MAX (1u << 20)

// ---- net ----

// Largest client message after reassembly. Larger: dropped without a close frame, as upstream does.
#define CLIENT_MESSAGE_BYTES_MAX (32u << 20)
// Head of one HTTP request. Larger: 431.
#define HTTP_HEAD_BYTES_MAX (64u << 10)
// Headers of one HTTP request.
#define HTTP_HEADERS_MAX 100u
// Body of one HTTP request (a program is the largest). Larger: 413.
#define HTTP_BODY_BYTES_MAX (256u << 20)
// Target (path and query) of one HTTP request. Larger: 414.
#define HTTP_TARGET_BYTES_MAX (32u << 10)
// Size line of one chunk with its extensions, and all trailers of a chunked body. Larger: 400.
#define HTTP_CHUNK_LINE_BYTES_MAX 256u
#define HTTP_TRAILER_BYTES_MAX (8u << 10)
// Input behind a request that is still being answered (pipelining). Full: not read until it is answered.
#define HTTP_EARLY_BYTES_MAX (64u << 10)
// What handlers allocate for one exchange; they bound outside sizes themselves, long before.
#define HTTP_ARENA_BYTES_MAX (2ull << 30)
// Bodies of all requests together, while they are received and handled. Full: 503.
#define HTTP_BODIES_BYTES_MAX (2ull << 30)
// From the first byte of a head to its last. Longer: 408. (A slow-loris client.)
#define HTTP_HEAD_TIMEOUT_MS 30000u
// Nothing of an announced body for this long, or less than a byte a millisecond after the grace: 408.
#define HTTP_BODY_STALL_MS 30000u
#define HTTP_BODY_GRACE_MS 60000u
// Between two requests. Longer: closed; clients' pools give up earlier (90 s in reqwest).
#define HTTP_IDLE_TIMEOUT_MS 120000u
// A client that takes nothing of its answer. Longer: dropped.
#define HTTP_WRITE_STALL_MS 30000u
// After an answer that refused the rest of a body: how long and how much is still discarded, so that the
// client reads the answer instead of a reset.
#define HTTP_LINGER_MS 2000u
#define HTTP_LINGER_BYTES_MAX (16u << 20)
// Connections of the whole server. Further ones are closed at once.
#define NET_CONNECTIONS_MAX 65536u
// Connections the system holds for us until we accept them; and those accepted in one turn.
#define NET_BACKLOG_MAX 1024
#define NET_ACCEPTS_MAX 64u
// Out of file descriptors: how long we do not accept.
#define NET_ACCEPT_PAUSE_MS 100u
// One read of a socket; messages within it are delivered in place. One buffer per net thread.
#define NET_READ_BYTES (256u << 10)
// One writev: bytes, pieces (IOV_MAX is 1024), and what is copied into the thread's staging buffer.
#define NET_WRITE_BYTES_MAX (1u << 20)
#define NET_WRITE_PIECES_MAX 1000u
#define NET_STAGING_BYTES (256u << 10)
// writev calls for one connection before the others have their turn.
#define NET_WRITES_MAX 4u
// Rounds of inbox and outboxes before the sockets are looked at.
#define NET_TURNS_MAX 8u
// Items one sender hands to one net thread in one piece.
#define NET_BATCH_ITEMS 256u
// Items up to this size are copied together instead of gathered: a copy is cheaper than an iovec entry.
#define OUTBOX_COPY_BYTES_MAX 512u
// A read buffer for split or fragmented messages keeps this much between messages.
#define WS_ASSEMBLY_KEEP_BYTES (64u << 10)
// Payload of one WebSocket frame we send; larger messages are fragmented (the CLI's library takes 16 MiB).
#define WS_FRAME_BYTES_MAX (256u << 10)
// A v3 payload collects messages up to this, as upstream.
#define WS_JOINED_BYTES_MAX (512u << 10)
// Reason text of a close frame (RFC 6455: 125 bytes of payload less the code).
#define WS_CLOSE_REASON_BYTES_MAX 123u

// ---- db ----

// One line of a module log; a longer record is dropped and the log says so.
#define MODULE_LOG_LINE_BYTES_MAX (1u << 20)
// The log file of one day, unless it is set. Full: lines are dropped until the next day, and a last one says so.
#define MODULE_LOG_DAY_BYTES_MAX (256ull << 20)
// All log files of one database, and the days they are of, today included. More, when a day begins: the oldest go.
#define MODULE_LOG_FILES_BYTES_MAX (2ull << 30)
#define MODULE_LOG_FILES_MAX 4096u
#define MODULE_LOG_DAYS_MAX 90
// The newest lines of an in-memory database's log, as upstream.
#define MODULE_LOG_MEMORY_BYTES (16u << 20)
#define MODULE_LOG_TAIL_BYTES_MAX (64u << 20)  // that one request for the tail of a log reads
// Memory of one call or transaction outside the store (arguments, results, deltas).
#define CALL_ARENA_BYTES_MAX (1ull << 32)
// One answer of SQL over HTTP.
#define SQL_RESULT_BYTES_MAX (512u << 20)

// Messages an executor handles before it yields its thread.
#define EXECUTOR_BATCH_MAX 256u
// Threads for procedures and whatever else waits, of the whole server; and how long one without a job is kept.
#define WAIT_THREADS_MAX 1024u
#define WAIT_THREAD_IDLE_MS 10000u
// Procedures of one database that run at a time, unless it is set: each has an instance of its own. Upstream: as many as
// there are processors; most of ours wait for something else. Further ones wait for their turn.
#define PROCEDURE_INSTANCES_DEFAULT 8u
// Procedures of one database that wait for an instance, and the bytes of their arguments. More: the call fails.
#define PROCEDURES_WAITING_MAX 65536u
#define PROCEDURES_WAITING_BYTES_MAX (256u << 20)
// Log lines of a running procedure that its database has not written yet. More: it waits.
#define PROCEDURE_LOG_BYTES_MAX (1u << 20)
// How long a commit of a procedure waits for the disk, as upstream. Longer: the procedure traps, its outcome unknown.
#define PROCEDURE_CONFIRMATION_MS_MAX 5000u
// Immediate calls that wait. More: they are dropped, and the server log says so.
#define IMMEDIATE_CALLS_MAX 65536u
// What one run of a view notes of what it read, table by table. More: it counts as having read the whole table.
#define VIEW_POINTS_MAX 4096u
// Instances of a view nobody subscribes to: how long they are kept after their last use, how often that is looked at,
// how soon again while there are more than one look drops. As upstream.
#define VIEW_UNUSED_MS_MAX 600000
#define VIEW_EXPIRY_MS 600000
#define VIEW_EXPIRY_BUSY_MS 10000
#define VIEW_EXPIRY_BATCH_MAX 1024u

// ---- server ----

// Path of the data directory: what is in it must still fit into OS_PATH_BYTES_MAX.
#define SERVER_DATA_DIR_BYTES_MAX 3500u
// Body of a request that is no program: calls, SQL, names (upstream: the same). Larger: 413.
#define SERVER_BODY_BYTES_MAX (2u << 20)
// Bytes of one client's messages that wait for its database, besides their number. Full: close 1013.
#define INBOX_BYTES_MAX (256u << 20)
// Requests decoded from the messages of one socket read.
#define SERVER_BATCH_ARENA_BYTES_MAX (1ull << 30)
#define SERVER_BACKUP_PART_BYTES_MAX (4u << 20)  // of a file that is backed up over HTTP
#define SERVER_BACKUP_PATH_BYTES_MAX 200u        // of the name of such a file
// Name of a database. Upstream accepts longer ones and then cannot read them back.
#define SERVER_NAME_BYTES_MAX 64u
// Names that one request gives to a database. More: 422.
#define SERVER_NAMES_MAX 1000u
// Lines before the new ones of a log that is followed, as upstream.
#define SERVER_FOLLOW_LINES_MAX 2500u
// Output of one request for logs, plans and numbers.
#define SERVER_TEXT_BYTES_MAX (128u << 20)
// How long a stop waits for requests that run, and for databases to finish.
#define SERVER_STOP_GRACE_MS 5000u
#define SERVER_STOP_DATABASES_MS 30000u
// A publish may wait this long for its transaction to be durable (update_confirmation_timeout).
#define SERVER_CONFIRMATION_MS_MAX 300000u

// ---- cli ----

// Options of one command, and values of one option that takes a list.
#define CLI_OPTIONS_MAX 24u
#define CLI_LIST_MAX 16u
// Causes of one error that are told.
#define CLI_FAULT_TEXTS_MAX 16u
// Memory of one command: an answer, its decoded form and its text.
#define CLI_ARENA_BYTES_MAX (8ull << 30)
// One answer of a server (SQL_RESULT_BYTES_MAX and a little). Larger: the command fails.
#define CLI_RESPONSE_BYTES_MAX (768u << 20)
// cli.toml, spacetime.json and their overlays.
#define CLI_CONFIG_BYTES_MAX (1u << 20)
#define CLI_CONFIG_ITEMS_MAX 10000u
// Servers in cli.toml; databases in spacetime.json.
#define CLI_SERVERS_MAX 1000u
#define CLI_TARGETS_MAX 1000u
// Nesting of `children` in spacetime.json, and of any JSON that is read.
#define CLI_TARGET_DEPTH_MAX 32u
#define CLI_JSON_DEPTH_MAX 512u
// One line that is typed at a prompt; one record of a log.
#define CLI_LINE_BYTES_MAX (4u << 20)
// What `subscribe` takes from a server, as upstream.
#define CLI_WS_MESSAGE_BYTES_MAX (64u << 20)
#define CLI_WS_FRAME_BYTES_MAX (16u << 20)
#define CLI_WS_HEAD_BYTES_MAX (64u << 10)
// Connecting to a server. Longer: the command fails.
#define CLI_CONNECT_MS_MAX 30000u
// Words of a command line that is run (clang, cargo), and what it prints where we read it.
#define CLI_PROCESS_WORDS_MAX 4096u
#define CLI_PROCESS_OUTPUT_BYTES_MAX (64u << 20)
// Files of a module that are looked at (sources of a C module, lines that a Rust one must not have).
#define CLI_MODULE_FILES_MAX 10000u
#define CLI_SOURCE_BYTES_MAX (16u << 20)
