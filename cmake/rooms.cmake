# A room of src/ is one static library dm_<floor>_<room>; its *_test.cc files join the floor's test program.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  # The cache serves any checkout of this source, and files that use the precompiled header.
  set(ccache_launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${ccache_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_launcher})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(dm_flags INTERFACE)
target_compile_options(dm_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>" -pthread -Wall -Wextra -Werror -fno-strict-aliasing)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_FLAGS_DEBUG MATCHES "-fsanitize=")
  # The checks that sanitizers put in make GCC 12 see overflows that are none. The other builds have its warnings.
  target_compile_options(dm_flags INTERFACE -w)
endif()
target_include_directories(dm_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(dm_flags INTERFACE fmt::fmt Threads::Threads)

# One precompiled header for all rooms. ccache needs to be told that it may trust it.
add_library(dm_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_link_libraries(dm_pch PRIVATE dm_flags)
target_precompile_headers(dm_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
set(CMAKE_PCH_INSTANTIATE_TEMPLATES OFF)

# dm_room(NAME <floor>/<room> [DEPS <floor>/<room>...] [LIBS <libraries>...])
function(dm_room)
  cmake_parse_arguments(R "" "NAME" "DEPS;LIBS" ${ARGN})
  string(REPLACE "/" "_" target "dm_${R_NAME}")
  string(REGEX REPLACE "/.*" "" floor "${R_NAME}")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PUBLIC dm_flags)
  target_precompile_headers(${target} REUSE_FROM dm_pch)
  foreach(dep ${R_DEPS})
    string(REPLACE "/" "_" dep "dm_${dep}")
    target_link_libraries(${target} PUBLIC ${dep})
  endforeach()
  target_link_libraries(${target} PUBLIC ${R_LIBS})
  set_property(GLOBAL APPEND PROPERTY dm_rooms_${floor} ${target})
  set_property(GLOBAL APPEND PROPERTY dm_tests_${floor} ${tests})
endfunction()

# One test program a floor: test_base, test_mysql, ...
function(dm_floor_tests floor)
  get_property(tests GLOBAL PROPERTY dm_tests_${floor})
  get_property(rooms GLOBAL PROPERTY dm_rooms_${floor})
  if(tests)
    add_executable(test_${floor} ${tests})
    target_precompile_headers(test_${floor} REUSE_FROM dm_pch)
    # GCC 12 takes `text + "literal"` for an overflow when it optimises (its own library's header); the rooms avoid
    # the form, tests need not.
    target_compile_options(test_${floor} PRIVATE
      "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overread;-Wno-stringop-overflow;-Wno-maybe-uninitialized>")
    target_link_libraries(test_${floor} PRIVATE ${rooms} GTest::gtest_main GTest::gmock)
    add_test(NAME unit_${floor} COMMAND test_${floor})
    add_dependencies(unit_tests test_${floor})
  endif()
endfunction()
