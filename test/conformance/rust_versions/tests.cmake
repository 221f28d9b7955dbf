# Modules built with older versions of the published Rust crate run unmodified, and over each other.
set(rust_versions 2.0.5 2.4.1 2.8.3)
set(rust_versions_others 2.8.3 2.0.5 2.4.1)
set(rust_versions_dir "${CMAKE_BINARY_DIR}/conformance-rust-versions")
add_test(NAME conformance.rust_versions_build COMMAND "${CMAKE_CURRENT_LIST_DIR}/build.sh" "${STDB_CACHE}"
  "${rust_versions_dir}" ${rust_versions})
set_tests_properties(conformance.rust_versions_build PROPERTIES FIXTURES_SETUP rust_versions TIMEOUT 1500)
foreach(version other IN ZIP_LISTS rust_versions rust_versions_others)
  add_test(NAME conformance.rust_versions_${version} COMMAND "${CMAKE_BINARY_DIR}/python/bin/python"
    "${CMAKE_CURRENT_LIST_DIR}/../rust/module/module_test.py" $<TARGET_FILE:spacetime>
    "${rust_versions_dir}/${version}.wasm" "${rust_versions_dir}/${other}.wasm")
  set_tests_properties(conformance.rust_versions_${version} PROPERTIES
    FIXTURES_REQUIRED "rust_versions;python_env" TIMEOUT 300)
endforeach()
