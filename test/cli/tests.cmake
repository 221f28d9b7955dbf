# The command line as a process: against files, servers that answer as told, and the real server.
if(TARGET spacetime)
  set(STDB_GOLDEN "${CMAKE_SOURCE_DIR}/../shared/golden" CACHE PATH "Golden data of an unmodified server")
  foreach(part files mock server build)
    add_test(NAME cli.${part} COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/${part}_test.py $<TARGET_FILE:spacetime>
      ${STDB_GOLDEN}/modules/kinds/kinds.wasm)
    set_tests_properties(cli.${part} PROPERTIES TIMEOUT 300)
  endforeach()
endif()
