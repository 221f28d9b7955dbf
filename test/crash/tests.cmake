# Crashes of the real program: SIGKILL while it writes, starts and publishes.
if(NOT TARGET spacetime)
  return()
endif()
set(STDB_GOLDEN "${CMAKE_SOURCE_DIR}/../shared/golden" CACHE PATH "Golden data of an unmodified server")
add_test(NAME crash.kill COMMAND "${CMAKE_BINARY_DIR}/python/bin/python" "${CMAKE_SOURCE_DIR}/test/crash/kill_test.py"
  $<TARGET_FILE:spacetime> "${STDB_GOLDEN}/modules/kinds/kinds.wasm")
set_tests_properties(crash.kill PROPERTIES FIXTURES_REQUIRED python_env TIMEOUT 600)
add_test(NAME crash.backup COMMAND ${PYTHON3} "${CMAKE_SOURCE_DIR}/test/crash/backup_test.py"
  $<TARGET_FILE:spacetime> "${STDB_GOLDEN}/modules/kinds/kinds.wasm" "${STDB_GOLDEN}")
set_tests_properties(crash.backup PROPERTIES TIMEOUT 300)
add_test(NAME crash.disk COMMAND ${PYTHON3} "${CMAKE_SOURCE_DIR}/test/crash/disk_test.py"
  $<TARGET_FILE:spacetime> "${STDB_GOLDEN}/modules/kinds/kinds.wasm")
set_tests_properties(crash.disk PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
