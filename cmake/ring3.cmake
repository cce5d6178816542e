# The build's one idea: a folder is a target.
#
#   ring3_library(NAME [EXCEPTIONS] [OPTIMIZED] [TEST_SECONDS n] [TEST_ALWAYS] DEPENDS a b ...)
#
# makes a static library from every .cpp and .S of the folder and, from its *.test.cpp files, a GoogleTest program
# NAME_test that CTest runs, the long ones (TEST_SECONDS) first. A folder may include only what it names in DEPENDS
# (scripts/check-layers holds that line). OPTIMIZED is where fuzzers spend their time: the worth of their seconds is the
# number of runs, while the rest of that build compiles twice as fast without. TEST_ALWAYS: also in builds without unit
# tests, because what some of these try (signals, the sandbox) is not to be had under a sanitizer.

add_library(ring3_flags INTERFACE)
target_include_directories(ring3_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(ring3_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wcast-qual -Werror>
  # GCC 12 sees these in its own <algorithm>, where copies of small ranges are inlined: false alarms.
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>"
  # Strict aliasing is off: guest memory and register files are looked at in several widths everywhere.
  -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(ring3_flags INTERFACE RING3_VERSION="${PROJECT_VERSION}")
if(RING3_SANITIZE)
  # With a sanitizer, GCC takes the destructors of a std::variant's alternatives for reads of what was never written.
  target_compile_options(ring3_flags INTERFACE -fsanitize=${RING3_SANITIZE} -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(ring3_flags INTERFACE -fsanitize=${RING3_SANITIZE})
  if(RING3_SANITIZE MATCHES address)
    target_compile_definitions(ring3_flags INTERFACE RING3_ADDRESS_SANITIZER)
  endif()
endif()
if(RING3_FUZZ)
  target_compile_options(ring3_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # clang++-19, Debian 12's newest: older ones cannot compile libstdc++ 12's <expected> and <source_location>.
  # Its warnings differ from those of g++, which is the compiler of record; the instruction table is made by consteval.
  target_compile_options(ring3_flags INTERFACE -Wno-error
    $<$<COMPILE_LANGUAGE:CXX>:-fconstexpr-steps=1000000000>)
endif()

# What every unit test includes is read once; that is a quarter of the time that compiling a test takes. The libraries do
# without: what they include says what they need.
if(RING3_UNIT_TESTS)
  add_library(test_headers OBJECT ${CMAKE_CURRENT_LIST_DIR}/test_headers.cpp)
  target_link_libraries(test_headers PUBLIC ring3_flags fmt::fmt GTest::gtest_main)
  target_precompile_headers(test_headers PRIVATE <gtest/gtest.h> <fmt/format.h> <algorithm> <array> <expected>
    <functional> <memory> <optional> <span> <string> <variant> <vector>)
  add_custom_target(unit_tests)
endif()

function(ring3_library name)
  cmake_parse_arguments(ARG "EXCEPTIONS;OPTIMIZED;TEST_ALWAYS" "TEST_SECONDS" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*.S)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "\\.test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "\\.test\\.cpp$|/main[a-z0-9_]*\\.cpp$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC ring3_flags fmt::fmt ${ARG_DEPENDS})
    if(NOT ARG_EXCEPTIONS)
      target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
    endif()
    if(ARG_OPTIMIZED AND RING3_FUZZ)
      target_compile_options(${name} PRIVATE -O1)
    endif()
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ring3_flags fmt::fmt ${ARG_DEPENDS})
  endif()
  if(tests AND (RING3_UNIT_TESTS OR ARG_TEST_ALWAYS))
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} GTest::gtest_main)
    if(RING3_UNIT_TESTS)
      target_precompile_headers(${name}_test REUSE_FROM test_headers)
      add_dependencies(unit_tests ${name}_test)
    endif()
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS unit)
    if(ARG_TEST_SECONDS)
      set_tests_properties(${name} PROPERTIES COST ${ARG_TEST_SECONDS})
    endif()
  endif()
endfunction()
