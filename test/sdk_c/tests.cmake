# The C module SDK: needs node and clang for wasm32, not the rest of the build.
find_program(NODE node)
if(NODE)
  add_test(NAME sdk_c.modules COMMAND ${NODE} ${CMAKE_CURRENT_LIST_DIR}/run.mjs)
  set_tests_properties(sdk_c.modules PROPERTIES TIMEOUT 600)
else()
  message(STATUS "node was not found: the C module SDK is not tested")
endif()
