#!/bin/sh
# check_format.sh - clang-format over the C files of src/, include/, bench/ and test/: prints what it would change.
#
#   tools/check_format.sh [--fix] [PATH...]     --fix changes the files instead
#
# CLANG_FORMAT names another program than clang-format-19 or clang-format.
set -eu
cd "$(dirname "$0")/.."

mode="--dry-run -Werror"
if [ "${1:-}" = "--fix" ]; then
    mode="-i"
    shift
fi

format="${CLANG_FORMAT:-}"
for candidate in clang-format-19 clang-format; do
    if [ -z "$format" ] && command -v "$candidate" >/dev/null 2>&1; then
        format="$candidate"
    fi
done
if [ -z "$format" ]; then
    echo "check_format.sh: no clang-format was found" >&2
    exit 2
fi

if [ $# -eq 0 ]; then
    for folder in src include bench test; do
        if [ -d "$folder" ]; then
            set -- "$@" "$folder"
        fi
    done
fi

# One file at a time would be slow, all at once may be too long a command line: xargs decides.
find "$@" \( -name node_modules -o -name target -o -name build \) -prune -o -type f -name '*.[ch]' -print0 |
    sort -z | xargs -0 -r "$format" $mode --style=file
