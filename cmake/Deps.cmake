# The crates' static library (deps/): built once per content of deps/ and compiler, in a cache outside the tree.
# STDB_CACHE says where; default: $XDG_CACHE_HOME/spacetime-c or ~/.cache/spacetime-c.
if(NOT STDB_CACHE)
  if(DEFINED ENV{STDB_CACHE})
    set(STDB_CACHE "$ENV{STDB_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(STDB_CACHE "$ENV{XDG_CACHE_HOME}/spacetime-c")
  else()
    set(STDB_CACHE "$ENV{HOME}/.cache/spacetime-c")
  endif()
endif()

find_program(CARGO cargo REQUIRED)
execute_process(COMMAND ${CARGO} --version OUTPUT_VARIABLE CARGO_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE)
set(deps_key "${CARGO_VERSION}")
foreach(file Cargo.toml Cargo.lock src/lib.rs)
  file(SHA256 "${CMAKE_SOURCE_DIR}/deps/${file}" file_hash)
  string(APPEND deps_key "${file_hash}")
endforeach()
string(SHA256 deps_key "${deps_key}")
string(SUBSTRING "${deps_key}" 0 16 deps_key)
set(DEPS_DIR "${STDB_CACHE}/deps-${deps_key}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  deps/Cargo.toml deps/Cargo.lock deps/src/lib.rs)

if(NOT EXISTS "${DEPS_DIR}/complete")
  message(STATUS "Building the crates (Wasmtime and others) into ${DEPS_DIR}: about four minutes, once")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${STDB_CACHE}/target-${deps_key}
      ${CARGO} build --release --locked --manifest-path ${CMAKE_SOURCE_DIR}/deps/Cargo.toml
    RESULT_VARIABLE deps_result)
  if(NOT deps_result EQUAL 0)
    message(FATAL_ERROR "cargo could not build deps/. Its output above says why; it needs the crates.io registry.")
  endif()
  file(GLOB deps_headers "${STDB_CACHE}/target-${deps_key}/release/build/wasmtime-c-api-impl-*/out/include")
  list(GET deps_headers 0 deps_headers)
  file(MAKE_DIRECTORY "${DEPS_DIR}")
  file(COPY "${deps_headers}" DESTINATION "${DEPS_DIR}")
  file(COPY "${STDB_CACHE}/target-${deps_key}/release/libspacetime_deps.a" DESTINATION "${DEPS_DIR}/lib")
  file(REMOVE_RECURSE "${STDB_CACHE}/target-${deps_key}")
  file(TOUCH "${DEPS_DIR}/complete")
endif()

add_library(stdb_deps INTERFACE)
target_link_libraries(stdb_deps INTERFACE "${DEPS_DIR}/lib/libspacetime_deps.a" m dl pthread)
add_library(stdb_wasmtime_headers INTERFACE)
target_include_directories(stdb_wasmtime_headers SYSTEM INTERFACE "${DEPS_DIR}/include")
