# The server as a process: HTTP, WebSocket upgrades, restarts, the program's symbols.
if(TARGET spacetime)
  set(STDB_GOLDEN "${CMAKE_SOURCE_DIR}/../shared/golden" CACHE PATH "Golden data of an unmodified server")
  add_test(NAME server.http COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/http_test.py $<TARGET_FILE:spacetime>
    ${STDB_GOLDEN}/modules/kinds/kinds.wasm)
  set_tests_properties(server.http PROPERTIES TIMEOUT 300)
  add_test(NAME server.churn COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/churn_test.py $<TARGET_FILE:spacetime>)
  set_tests_properties(server.churn PROPERTIES TIMEOUT 120)
  add_test(NAME server.stop COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/stop_test.py $<TARGET_FILE:spacetime>)
  set_tests_properties(server.stop PROPERTIES TIMEOUT 180)
  add_test(NAME server.isolation COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/isolation_test.py
    $<TARGET_FILE:spacetime>)
  set_tests_properties(server.isolation PROPERTIES TIMEOUT 300)
  add_test(NAME server.hostile COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/hostile_test.py
    $<TARGET_FILE:spacetime>)
  set_tests_properties(server.hostile PROPERTIES TIMEOUT 300)
  add_test(NAME server.costs COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/costs_test.py $<TARGET_FILE:spacetime>)
  set_tests_properties(server.costs PROPERTIES TIMEOUT 120)
  add_test(NAME server.environment COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/environment_test.py
    $<TARGET_FILE:spacetime>)
  set_tests_properties(server.environment PROPERTIES TIMEOUT 120)
  add_test(NAME server.session COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/session_test.py
    $<TARGET_FILE:spacetime>)
  set_tests_properties(server.session PROPERTIES TIMEOUT 120)
  add_test(NAME server.clients COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/clients_test.py $<TARGET_FILE:spacetime>)
  set_tests_properties(server.clients PROPERTIES TIMEOUT 120)
  add_test(NAME server.limits COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/limits_test.py $<TARGET_FILE:spacetime>)
  set_tests_properties(server.limits PROPERTIES TIMEOUT 180)
  add_test(NAME server.lifecycle COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/lifecycle_test.py
    $<TARGET_FILE:spacetime>)
  set_tests_properties(server.lifecycle PROPERTIES TIMEOUT 120)
  add_test(NAME server.symbols COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/symbols_test.py $<TARGET_FILE:spacetime>)
endif()
