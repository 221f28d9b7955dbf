# The C module SDK: needs node and clang for wasm32, not the rest of the build.
find_program(NODE node)
if(NODE)
  add_test(NAME sdk_c.modules COMMAND ${NODE} ${CMAKE_CURRENT_LIST_DIR}/run.mjs)
  set_tests_properties(sdk_c.modules PROPERTIES TIMEOUT 600)
else()
  message(STATUS "node was not found: the C module SDK is not tested")
endif()

# `spacetime test` on the SDK's module, the examples and the template.
find_program(SDK_C_CLANG NAMES clang-19 clang)
if(SDK_C_CLANG AND TARGET spacetime)
  add_test(NAME sdk_c.spacetime_test
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/spacetime_test.py $<TARGET_FILE:spacetime>
      ${CMAKE_SOURCE_DIR}/../shared/golden/modules/kinds/kinds.wasm)
  set_tests_properties(sdk_c.spacetime_test PROPERTIES TIMEOUT 600)
endif()
