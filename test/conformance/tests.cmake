# Conformance: unmodified upstream pieces against the built program.
if(NOT TARGET spacetime)
  return()
endif()
set(STDB_GOLDEN "${CMAKE_SOURCE_DIR}/../shared/golden" CACHE PATH "Golden data of an unmodified server")
find_program(NPM npm REQUIRED)
find_program(NODE node REQUIRED)

# The npm package, in Node.
set(npm_dir "${CMAKE_BINARY_DIR}/conformance-npm")
set(npm_source "${CMAKE_SOURCE_DIR}/test/conformance/npm")
add_test(NAME conformance.npm_install COMMAND ${CMAKE_COMMAND} -E chdir "${npm_dir}"
  ${NPM} ci --no-audit --no-fund --loglevel=error)
file(MAKE_DIRECTORY "${npm_dir}")
foreach(file package.json package-lock.json bindings.mjs server.mjs sdk.test.mjs browser.test.mjs browser.page.mjs)
  configure_file("${npm_source}/${file}" "${npm_dir}/${file}" COPYONLY)
endforeach()
set_tests_properties(conformance.npm_install PROPERTIES FIXTURES_SETUP npm_package TIMEOUT 300)
add_test(NAME conformance.npm_sdk COMMAND ${CMAKE_COMMAND} -E env
  SPACETIME=$<TARGET_FILE:spacetime> STDB_KINDS_WASM=${STDB_GOLDEN}/modules/kinds/kinds.wasm
  ${NODE} --test-reporter=spec "${npm_dir}/sdk.test.mjs" WORKING_DIRECTORY "${npm_dir}")
set_tests_properties(conformance.npm_sdk PROPERTIES FIXTURES_REQUIRED npm_package TIMEOUT 300)

# And in headless Chromium.
find_program(CHROMIUM NAMES chromium chromium-browser google-chrome REQUIRED)
add_test(NAME conformance.npm_browser COMMAND ${CMAKE_COMMAND} -E env
  SPACETIME=$<TARGET_FILE:spacetime> STDB_KINDS_WASM=${STDB_GOLDEN}/modules/kinds/kinds.wasm CHROMIUM=${CHROMIUM}
  ${NODE} --test-reporter=spec "${npm_dir}/browser.test.mjs" WORKING_DIRECTORY "${npm_dir}")
set_tests_properties(conformance.npm_browser PROPERTIES FIXTURES_REQUIRED npm_package TIMEOUT 120)

# The golden answers.
if(EXISTS "${CMAKE_SOURCE_DIR}/test/conformance/golden_test.py")
  add_test(NAME conformance.golden_setup COMMAND ${CMAKE_SOURCE_DIR}/tools/python_env.sh "${CMAKE_BINARY_DIR}/python"
    requests websockets)
  set_tests_properties(conformance.golden_setup PROPERTIES FIXTURES_SETUP python_env TIMEOUT 300)
  add_test(NAME conformance.golden COMMAND ${CMAKE_BINARY_DIR}/python/bin/python
    ${CMAKE_SOURCE_DIR}/test/conformance/golden_test.py $<TARGET_FILE:spacetime> ${STDB_GOLDEN})
  set_tests_properties(conformance.golden PROPERTIES FIXTURES_REQUIRED python_env TIMEOUT 600)
endif()

# The Rust SDK.
if(EXISTS "${CMAKE_SOURCE_DIR}/test/conformance/rust/tests.cmake")
  include("${CMAKE_SOURCE_DIR}/test/conformance/rust/tests.cmake")
endif()
include("${CMAKE_SOURCE_DIR}/test/conformance/rust_versions/tests.cmake")
