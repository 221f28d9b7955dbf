// module.c - a queue of jobs that are sent somewhere over HTTP, with retries, and a webhook for
// what comes back.
//
// submit puts a job into the queue; `work`, a scheduled procedure, takes what is due, sends each
// job outside of any transaction, and writes down what came of it in a second one. A job that fails
// is tried again, each time after twice as long. The other side reports results at
// /v1/database/<name>/route/done.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

#define ATTEMPTS_MAX 5
#define RETRY_SECONDS 10  // after the first attempt
#define BATCH 16

STDB_ENVIRONMENT(WORKER_URL, OPTIONAL);      // where jobs go; without it they wait
STDB_ENVIRONMENT(WEBHOOK_SECRET, OPTIONAL);  // what results must come with, if it is set

STDB_ENUM(JobState, Waiting, Sending, Sent, Done, Failed);
STDB_TABLE(Job, job, PRIVATE,
    (u64,       id, PRIMARY_KEY, AUTO_INC),
    (Identity,  owner, INDEX),
    (String,    payload),
    (JobState,  state, INDEX),
    (u32,       attempts),
    (Timestamp, due),
    (String,    result));

STDB_TABLE(Round, round, PRIVATE,
    (u64,        id, PRIMARY_KEY, AUTO_INC),
    (ScheduleAt, at));

STDB_ARRAY(Jobs, Job);

STDB_INIT(ctx) {
    return round_insert(&(Round){.at = stdb_every(stdb_seconds(1))});
}

STDB_REDUCER(submit, ctx, (String, payload)) {
    if (payload.length == 0) return stdb_fail("A job needs a payload");
    return job_insert(&(Job){.owner = ctx->sender, .payload = payload, .due = ctx->timestamp});
}

STDB_REDUCER(cancel, ctx, (u64, id)) {
    Job job;
    if (!job_find_by_id(id, &job) || !stdb_identity_equal(job.owner, ctx->sender))
        return stdb_fail("You have no job %llu", (unsigned long long)id);
    if (job.state != JobState_Waiting) return stdb_fail("It is %s", JobState_name(job.state));
    return job_delete_by_id(id) ? STDB_OK : STDB_FAILED;
}

// Everybody sees his own jobs.
STDB_VIEW(Jobs, my_jobs, PUBLIC, ctx) {
    Jobs jobs = {.items = STDB_NEW(Job, job_count())};
    JobIter mine = job_filter_by_owner(ctx->sender);
    while (job_next(&mine, &jobs.items[jobs.count])) jobs.count++;
    return jobs;
}

// ---- sending ----

// Marks what is due as being sent, so that no other round takes it too.
static StdbStatus take_due(StdbContext *tx, void *data) {
    Jobs *jobs = data;
    *jobs = (Jobs){.items = STDB_NEW(Job, BATCH)};
    JobIter waiting = job_filter_by_state(JobState_Waiting);
    for (Job job; jobs->count < BATCH && job_next(&waiting, &job);) {
        if (job.due.micros > tx->timestamp.micros) continue;
        job.state = JobState_Sending;
        job.attempts++;
        STDB_TRY(job_update_by_id(&job));
        jobs->items[jobs->count++] = job;
    }
    return STDB_OK;
}

static StdbStatus write_down(StdbContext *tx, void *data) {
    Jobs *jobs = data;
    for (u32 i = 0; i < jobs->count; i++) {
        Job *job = &jobs->items[i];
        if (job->state == JobState_Sending) {
            bool is_last = job->attempts >= ATTEMPTS_MAX;
            job->state = is_last ? JobState_Failed : JobState_Waiting;
            job->due = stdb_later(tx->timestamp,
                                  stdb_seconds((i64)RETRY_SECONDS << (job->attempts - 1)));
        }
        Job now;
        if (job_find_by_id(job->id, &now) && now.state == JobState_Sending)
            STDB_TRY(job_update_by_id(job));
    }
    return STDB_OK;
}

static void send_job(StdbProcedureContext *ctx, String url, Job *job) {
    StdbHttpRequest request = {
        .method = STDB_HTTP_POST,
        .uri = stdb_format("%s?job=%llu", url.data, (unsigned long long)job->id),
        .timeout = stdb_seconds(10),
        .body = {(const uint8_t *)job->payload.data, job->payload.length},
    };
    StdbHttpResponse response;
    if (stdb_http_send(ctx, &request, &response) != STDB_OK) {
        job->result = stdb_fail_text();
    } else if (response.status >= 300) {
        job->result = stdb_format("status %u", response.status);
    } else {
        job->state = JobState_Sent;
    }
}

STDB_PROCEDURE(Unit, work, ctx, (Round, round)) {
    String url;
    Jobs jobs;
    if (!stdb_environment(WORKER_URL, &url)) return (Unit){0};
    if (stdb_transact(ctx, take_due, &jobs) != STDB_OK || jobs.count == 0) return (Unit){0};
    for (u32 i = 0; i < jobs.count; i++) send_job(ctx, url, &jobs.items[i]);
    if (stdb_transact(ctx, write_down, &jobs) != STDB_OK)
        stdb_log_error("round %llu: %s", (unsigned long long)round.id, stdb_fail_text().data);
    return (Unit){0};
}
STDB_SCHEDULE_PROCEDURE(Round, round, at, work);

// ---- results ----

typedef struct Report {
    u64 id;
    String result;
} Report;

static StdbStatus finish(StdbContext *tx, void *data) {
    const Report *report = data;
    Job job;
    (void)tx;
    if (!job_find_by_id(report->id, &job))
        return stdb_fail("no job %llu", (unsigned long long)report->id);
    if (job.state == JobState_Done) return STDB_OK;  // webhooks come twice now and then
    job.state = JobState_Done;
    job.result = report->result;
    return job_update_by_id(&job);
}

// X-Job: its number; the body is the result.
STDB_HTTP_HANDLER(done, ctx, request) {
    String secret;
    String given;
    if (stdb_environment(WEBHOOK_SECRET, &secret) &&
        (!stdb_http_header(request->headers, "X-Secret", &given) ||
         !stdb_string_equal(secret, given)))
        return stdb_http_text(403, "Wrong secret");
    String number;
    if (!stdb_http_header(request->headers, "X-Job", &number) || number.length == 0 ||
        number.length > 18)
        return stdb_http_text(400, "X-Job is missing");
    Report report = {.result = stdb_string_copy(
                         (String){(const char *)request->body.data, request->body.count})};
    for (u32 i = 0; i < number.length; i++) {
        if (number.data[i] < '0' || number.data[i] > '9')
            return stdb_http_text(400, "X-Job is no number");
        report.id = report.id * 10 + (u64)(number.data[i] - '0');
    }
    if (stdb_transact(ctx, finish, &report) != STDB_OK)
        return stdb_http_text(404, "%s", stdb_fail_text().data);
    return stdb_http_text(200, "ok");
}
STDB_HTTP_ROUTE(POST, "/done", done);
