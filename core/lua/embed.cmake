# Compiles every file under lua/ (but the editor stubs of lua/meta) into the binary.
file(GLOB_RECURSE lua_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/lua ${CMAKE_SOURCE_DIR}/lua/*.lua)
list(FILTER lua_files EXCLUDE REGEX "^meta/")
list(SORT lua_files)
include(lua/ops_index.cmake)
set(rows "")
set(depends "")
foreach(file IN LISTS lua_files)
  string(APPEND rows "${file} ${CMAKE_SOURCE_DIR}/lua/${file}\n")
  list(APPEND depends ${CMAKE_SOURCE_DIR}/lua/${file})
endforeach()
string(APPEND rows "prov/ops_index.lua ${PV_OPS_INDEX}\n")
list(APPEND depends ${PV_OPS_INDEX})
set(PV_EMBED_SOURCE ${CMAKE_BINARY_DIR}/generated/embedded.S)
set(list ${CMAKE_BINARY_DIR}/generated/embedded.list)
set(chunks ${CMAKE_BINARY_DIR}/generated/embedded.bin)
file(GENERATE OUTPUT ${list} CONTENT "${rows}")

# The very Lua that loads the chunks compiles them.
add_executable(embed lua/embed.c)
target_include_directories(embed SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
target_link_libraries(embed PRIVATE ${LUA_STATIC} m dl)
set_target_properties(embed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${PV_EMBED_SOURCE} ${chunks}
  COMMAND embed ${PV_EMBED_SOURCE} ${chunks} ${list}
  DEPENDS embed ${list} ${depends} VERBATIM)
set_source_files_properties(${PV_EMBED_SOURCE} PROPERTIES OBJECT_DEPENDS ${chunks})
