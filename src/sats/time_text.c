// time_text.c - timestamps and durations as text (sats.md 6.1), timestamps from text (6.4).
//
// Days are counted from 1970-01-01 in the proleptic Gregorian calendar; eras of 400 years (146,097
// days) repeat, and within one, years begin in March, so that the leap day comes last.
#include "sats/sats.h"

#include <stdlib.h>

#define MICROS_PER_SECOND 1000000
#define SECONDS_PER_DAY 86400
#define DAYS_PER_ERA 146097
#define DAYS_FROM_ERA_TO_1970 719468  // from 0000-03-01
// What upstream's calendar ends at; beyond it the number is shown.
#define YEAR_MIN (-262143)
#define YEAR_MAX 262142
#define OFFSET_SECONDS_MAX SECONDS_PER_DAY

typedef struct Date {
    int64_t year;
    uint32_t month;  // 1..12
    uint32_t day;    // 1..31
} Date;

typedef struct TextReader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} TextReader;

static Date date_of_days(int64_t days);
static int64_t days_of_date(Date date);
static uint32_t month_days(int64_t year, uint32_t month);
static int64_t floor_divide(int64_t value, int64_t by);
static int64_t floor_rest(int64_t value, int64_t by);
static uint32_t read_digits(TextReader *reader, uint32_t count);
static void read_byte(TextReader *reader, uint8_t byte);
static bool skip_byte(TextReader *reader, uint8_t byte);
static int64_t read_fraction_micros(TextReader *reader);
static int64_t read_offset_seconds(TextReader *reader);

void timestamp_write_text(Buffer *buffer, int64_t micros) {
    int64_t seconds = floor_divide(micros, MICROS_PER_SECOND);
    int64_t fraction = floor_rest(micros, MICROS_PER_SECOND);
    int64_t days = floor_divide(seconds, SECONDS_PER_DAY);
    int64_t second = floor_rest(seconds, SECONDS_PER_DAY);
    Date date = date_of_days(days);
    if (date.year < YEAR_MIN || date.year > YEAR_MAX) {
        buffer_append_format(buffer, "%lld", (long long)micros);
        return;
    }
    if (date.year >= 0 && date.year <= 9999) {
        buffer_append_format(buffer, "%04lld", (long long)date.year);
    } else {
        buffer_append_format(buffer, "%c%04lld", date.year < 0 ? '-' : '+', llabs(date.year));
    }
    buffer_append_format(buffer, "-%02u-%02uT%02lld:%02lld:%02lld", date.month, date.day,
                         (long long)second / 3600, (long long)second / 60 % 60,
                         (long long)second % 60);
    if (fraction % 1000 != 0) {
        buffer_append_format(buffer, ".%06lld", (long long)fraction);
    } else if (fraction != 0) {
        buffer_append_format(buffer, ".%03lld", (long long)fraction / 1000);
    }
    buffer_append_text(buffer, "+00:00");
}

bool timestamp_parse(Bytes text, int64_t *ret_micros) {
    TextReader reader = {text.data, text.data + text.count, false};
    Date date = {0};
    date.year = read_digits(&reader, 4);
    read_byte(&reader, '-');
    date.month = read_digits(&reader, 2);
    read_byte(&reader, '-');
    date.day = read_digits(&reader, 2);
    if (!skip_byte(&reader, 'T') && !skip_byte(&reader, 't')) read_byte(&reader, ' ');
    uint32_t hour = read_digits(&reader, 2);
    read_byte(&reader, ':');
    uint32_t minute = read_digits(&reader, 2);
    read_byte(&reader, ':');
    uint32_t second = read_digits(&reader, 2);
    int64_t fraction = skip_byte(&reader, '.') ? read_fraction_micros(&reader) : 0;
    int64_t offset = read_offset_seconds(&reader);
    if (reader.failed || reader.at != reader.end) return false;
    if (date.month < 1 || date.month > 12) return false;
    if (date.day < 1 || date.day > month_days(date.year, date.month)) return false;
    // A leap second is the one after it here.
    if (hour > 23 || minute > 59 || second > 60) return false;
    int64_t seconds = days_of_date(date) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second -
                      offset;
    *ret_micros = seconds * MICROS_PER_SECOND + fraction;
    return true;
}

void time_duration_write_text(Buffer *buffer, int64_t micros) {
    uint64_t magnitude = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    buffer_append_format(buffer, "%c%llu.%06llu", micros < 0 ? '-' : '+',
                         (unsigned long long)(magnitude / MICROS_PER_SECOND),
                         (unsigned long long)(magnitude % MICROS_PER_SECOND));
}

// ---- calendar ----

static Date date_of_days(int64_t days) {
    days += DAYS_FROM_ERA_TO_1970;
    int64_t era = floor_divide(days, DAYS_PER_ERA);
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    Date date = {.year = era * 400 + year_of_era};
    date.day = (uint32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    date.month = (uint32_t)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    if (date.month <= 2) date.year++;
    return date;
}

static int64_t days_of_date(Date date) {
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_FROM_ERA_TO_1970;
}

static uint32_t month_days(int64_t year, uint32_t month) {
    static const uint8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return DAYS[month - 1] + (month == 2 && is_leap ? 1u : 0u);
}

static int64_t floor_divide(int64_t value, int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

static int64_t floor_rest(int64_t value, int64_t by) {
    return value % by + (value % by < 0 ? by : 0);
}

// ---- reading ----

static uint32_t read_digits(TextReader *reader, uint32_t count) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (reader->at == reader->end || *reader->at < '0' || *reader->at > '9') {
            reader->failed = true;
            return 0;
        }
        value = value * 10 + (*reader->at++ - '0');
    }
    return value;
}

static void read_byte(TextReader *reader, uint8_t byte) {
    if (!skip_byte(reader, byte)) reader->failed = true;
}

static bool skip_byte(TextReader *reader, uint8_t byte) {
    if (reader->at == reader->end || *reader->at != byte) return false;
    reader->at++;
    return true;
}

// At least one digit; what is finer than a microsecond is cut.
static int64_t read_fraction_micros(TextReader *reader) {
    int64_t micros = read_digits(reader, 1) * (MICROS_PER_SECOND / 10);
    for (int64_t unit = MICROS_PER_SECOND / 100;; unit /= 10) {
        if (reader->at == reader->end || *reader->at < '0' || *reader->at > '9') return micros;
        micros += (*reader->at++ - '0') * unit;
    }
}

static int64_t read_offset_seconds(TextReader *reader) {
    if (skip_byte(reader, 'Z') || skip_byte(reader, 'z')) return 0;
    bool is_negative = skip_byte(reader, '-');
    if (!is_negative) read_byte(reader, '+');
    int64_t hours = read_digits(reader, 2);
    read_byte(reader, ':');
    int64_t minutes = read_digits(reader, 2);
    int64_t seconds = hours * 3600 + minutes * 60;
    if (minutes > 59 || seconds >= OFFSET_SECONDS_MAX) reader->failed = true;
    return is_negative ? -seconds : seconds;
}
