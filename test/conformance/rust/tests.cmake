# The published Rust crates, unmodified: the client against our server, and a module of ours in it. Both are built once
# per content, in STDB_CACHE, with cargo; the module with Debian's rustc-web, cargo-web and rust-web-src.
set(rust_source "${CMAKE_SOURCE_DIR}/test/conformance/rust")

# The client SDK. Its first build takes minutes.
set(rust_client_target "${STDB_CACHE}/rust-client")
add_test(NAME conformance.rust_client_build COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${rust_client_target}
  ${CARGO} build --locked --quiet -j2 --manifest-path "${rust_source}/client/Cargo.toml")
set_tests_properties(conformance.rust_client_build PROPERTIES FIXTURES_SETUP rust_client TIMEOUT 1500)
add_test(NAME conformance.rust_sdk COMMAND ${CMAKE_COMMAND} -E env
  SPACETIME=$<TARGET_FILE:spacetime> STDB_KINDS_WASM=${STDB_GOLDEN}/modules/kinds/kinds.wasm
  "${rust_client_target}/debug/rust-sdk-conformance")
set_tests_properties(conformance.rust_sdk PROPERTIES FIXTURES_REQUIRED rust_client TIMEOUT 300)

# Modules.
set(rust_module_versions 2.10.1 2.14.0)
set(rust_module_others 2.14.0 2.10.1)
set(rust_module_dir "${CMAKE_BINARY_DIR}/conformance-rust-module")
add_test(NAME conformance.rust_module_build COMMAND "${rust_source}/module/build.sh" "${STDB_CACHE}"
  "${rust_module_dir}" ${rust_module_versions})
set_tests_properties(conformance.rust_module_build PROPERTIES FIXTURES_SETUP rust_module TIMEOUT 1500)
foreach(version other IN ZIP_LISTS rust_module_versions rust_module_others)
  add_test(NAME conformance.rust_module_${version} COMMAND "${CMAKE_BINARY_DIR}/python/bin/python"
    "${rust_source}/module/module_test.py" $<TARGET_FILE:spacetime>
    "${rust_module_dir}/${version}.wasm" "${rust_module_dir}/${other}.wasm")
  set_tests_properties(conformance.rust_module_${version} PROPERTIES
    FIXTURES_REQUIRED "rust_module;python_env" TIMEOUT 300)
endforeach()
