//! C functions over a few crates. The C side of this contract is src/base/deps.h.

// Linking the crate is what puts the Wasmtime C API into the static library.
pub use wasmtime_c_api::*;

use tiny_keccak::Hasher;

/// One header of a request head: pointers into the caller's bytes.
#[repr(C)]
pub struct DepHeader {
    name: *const u8,
    name_count: usize,
    value: *const u8,
    value_count: usize,
}

/// A parsed HTTP/1.1 head. For a request `method` and `path` are set, for a response `status`.
#[repr(C)]
pub struct DepHttpHead {
    method: *const u8,
    method_count: usize,
    path: *const u8,
    path_count: usize,
    version_minor: u32,
    status: u32,
    header_count: usize,
}

const HEADERS_MAX: usize = 128;

unsafe fn copy_headers(headers: &[httparse::Header], out: *mut DepHeader, max: usize) -> Option<usize> {
    if headers.len() > max {
        return None;
    }
    for (i, header) in headers.iter().enumerate() {
        *out.add(i) = DepHeader {
            name: header.name.as_ptr(),
            name_count: header.name.len(),
            value: header.value.as_ptr(),
            value_count: header.value.len(),
        };
    }
    Some(headers.len())
}

/// Bytes of the head when it is complete, 0 when more input is needed, -1 when it is malformed.
///
/// # Safety
/// `data` points at `count` readable bytes, `headers` at `header_max` writable ones.
#[no_mangle]
pub unsafe extern "C" fn dep_http_parse_request(
    data: *const u8,
    count: usize,
    headers: *mut DepHeader,
    header_max: usize,
    out: *mut DepHttpHead,
) -> isize {
    let bytes = std::slice::from_raw_parts(data, count);
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut slots);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => {
            let method = request.method.unwrap_or("");
            let path = request.path.unwrap_or("");
            let Some(header_count) = copy_headers(request.headers, headers, header_max) else {
                return -1;
            };
            *out = DepHttpHead {
                method: method.as_ptr(),
                method_count: method.len(),
                path: path.as_ptr(),
                path_count: path.len(),
                version_minor: u32::from(request.version.unwrap_or(1)),
                status: 0,
                header_count,
            };
            used as isize
        }
        Ok(httparse::Status::Partial) => 0,
        Err(_) => -1,
    }
}

/// The same for the head of a response.
///
/// # Safety
/// As `dep_http_parse_request`.
#[no_mangle]
pub unsafe extern "C" fn dep_http_parse_response(
    data: *const u8,
    count: usize,
    headers: *mut DepHeader,
    header_max: usize,
    out: *mut DepHttpHead,
) -> isize {
    let bytes = std::slice::from_raw_parts(data, count);
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut slots);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => {
            let Some(header_count) = copy_headers(response.headers, headers, header_max) else {
                return -1;
            };
            *out = DepHttpHead {
                method: std::ptr::null(),
                method_count: 0,
                path: std::ptr::null(),
                path_count: 0,
                version_minor: u32::from(response.version.unwrap_or(1)),
                status: u32::from(response.code.unwrap_or(0)),
                header_count,
            };
            used as isize
        }
        Ok(httparse::Status::Partial) => 0,
        Err(_) => -1,
    }
}

/// BLAKE3 with 32 bytes of output.
///
/// # Safety
/// `data` points at `count` readable bytes, `out` at 32 writable ones.
#[no_mangle]
pub unsafe extern "C" fn dep_blake3(data: *const u8, count: usize, out: *mut u8) {
    let hash = blake3::hash(std::slice::from_raw_parts(data, count));
    std::ptr::copy_nonoverlapping(hash.as_bytes().as_ptr(), out, 32);
}

/// Keccak-256 (the original padding, not SHA3-256).
///
/// # Safety
/// `data` points at `count` readable bytes, `out` at 32 writable ones.
#[no_mangle]
pub unsafe extern "C" fn dep_keccak256(data: *const u8, count: usize, out: *mut u8) {
    let mut hasher = tiny_keccak::Keccak::v256();
    hasher.update(std::slice::from_raw_parts(data, count));
    hasher.finalize(std::slice::from_raw_parts_mut(out, 32));
}
