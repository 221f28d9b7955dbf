# A whole database on the simulated disk of test/simulation.
if(TARGET stdb_db)
  add_executable(simulation_publish "${CMAKE_CURRENT_LIST_DIR}/publish_test.c" "${CMAKE_CURRENT_LIST_DIR}/locked_os.c")
  target_compile_options(simulation_publish PRIVATE -Wall -Wextra -Werror)
  target_include_directories(simulation_publish PRIVATE "${CMAKE_CURRENT_LIST_DIR}" "${CMAKE_SOURCE_DIR}/test/simulation"
    "${CMAKE_SOURCE_DIR}/test/unit" "${CMAKE_SOURCE_DIR}/test/unit/db")
  target_link_libraries(simulation_publish PRIVATE simulation stdb_db PkgConfig::CMOCKA)
  add_test(NAME simulation.publish COMMAND simulation_publish WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(simulation.publish PROPERTIES TIMEOUT 300)
endif()
