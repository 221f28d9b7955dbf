// writer.c - see writer.h. Every write goes to `segment_bytes`, which moves only after a sync: what an attempt
// without success left behind it is written over by the next one.
#include "log/writer.h"

#include "log/path.h"

static Status rotate(Writer *writer, uint64_t offset, Error *error);
static uint32_t group_bytes(const Writer *writer, Bytes commits);
static uint32_t commit_bytes(Bytes commits, uint32_t at);

Status segment_create(Os *os, const char *directory, uint64_t offset, File *ret_file,
                      Error *error) {
    char name[SEGMENT_NAME_BYTES];
    char path[OS_PATH_BYTES_MAX];
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_name(offset, name);
    path_join(path, directory, name);
    segment_header_write(header);
    Status status = os_file_replace(os, path, bytes_of(header, sizeof header), error);
    if (status != STATUS_OK) return status;
    return os->file_open(os, path, OS_OPEN_READ_WRITE, ret_file, error);
}

void writer_init(Writer *writer, Os *os, const char *directory, uint64_t segment_bytes_max) {
    *writer = (Writer){.os = os,
                       .directory = directory,
                       .segment_bytes_max = segment_bytes_max,
                       .segment = FILE_NONE};
    offset_index_init(&writer->index, os);
}

void writer_resume(Writer *writer, uint64_t segment, File file, uint64_t segment_bytes) {
    ASSERT(segment_bytes >= SEGMENT_HEADER_BYTES);
    ASSERT(writer->segment.descriptor == FILE_NONE.descriptor);
    writer->segment = file;
    writer->segment_bytes = segment_bytes;
    offset_index_open(&writer->index, writer->directory, segment, writer->segment_bytes_max,
                      segment_bytes);
}

void writer_done(Writer *writer) {
    offset_index_close(&writer->index);
    os_file_close(writer->os, writer->segment);
    writer->segment = FILE_NONE;
}

Status writer_write(Writer *writer, Bytes commits, uint32_t *ret_count, Error *error) {
    ASSERT(commits.count > COMMIT_FRAME_BYTES);
    uint64_t offset = load_u64le(commits.data);
    if (writer->segment_bytes >= writer->segment_bytes_max) {
        Status status = rotate(writer, offset, error);
        if (status != STATUS_OK) return status;
    }
    uint32_t count = group_bytes(writer, commits);
    Os *os = writer->os;
    Status status = os->file_write(os, writer->segment, writer->segment_bytes, commits.data, count,
                                   error);
    if (status != STATUS_OK) return status;
    status = os->file_sync(os, writer->segment, error);
    if (status != STATUS_OK) {
        // The system may show these bytes to whoever opens the log next and believe that they are on the disk,
        // though they are not. Nobody was told of them: better they are seen to be gone.
        (void)os->file_truncate(os, writer->segment, writer->segment_bytes, NULL);
        return status;
    }
    offset_index_add(&writer->index, offset, writer->segment_bytes, count);
    writer->segment_bytes += count;
    *ret_count = count;
    return STATUS_OK;
}

// The segment before was synced with its last commit.
static Status rotate(Writer *writer, uint64_t offset, Error *error) {
    File next = FILE_NONE;
    Status status = segment_create(writer->os, writer->directory, offset, &next, error);
    if (status != STATUS_OK) return status;
    writer_done(writer);
    writer_resume(writer, offset, next, SEGMENT_HEADER_BYTES);
    writer->segment_count++;
    return STATUS_OK;
}

// Up to the commit that fills the segment or the group. What one sync covers is bounded, so that recovery can
// tell a group of which the disk kept only parts from damage (damage.h).
static uint32_t group_bytes(const Writer *writer, Bytes commits) {
    uint32_t at = 0;
    do {
        uint32_t next = at + commit_bytes(commits, at);
        if (at > 0 && next > LOG_GROUP_BYTES_MAX) break;
        at = next;
    } while (at < commits.count && writer->segment_bytes + at < writer->segment_bytes_max);
    ASSERT(at <= commits.count);
    return at;
}

static uint32_t commit_bytes(Bytes commits, uint32_t at) {
    ASSERT(commits.count - at > COMMIT_FRAME_BYTES);
    return load_u32le(commits.data + at + COMMIT_HEADER_BYTES - 4) + COMMIT_FRAME_BYTES;
}
