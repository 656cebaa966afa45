# Writes the index of operations (name or shortcut -> module) as one more embedded Lua file.
find_program(LUA_PROGRAM NAMES lua5.4 lua REQUIRED)
file(GLOB_RECURSE ops_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lua/ops/*.lua)
list(SORT ops_files)
set(PV_OPS_INDEX ${CMAKE_BINARY_DIR}/generated/ops_index.lua)
add_custom_command(OUTPUT ${PV_OPS_INDEX}
  COMMAND ${LUA_PROGRAM} ${CMAKE_SOURCE_DIR}/lua/prov/ops_scan.lua ${PV_OPS_INDEX} ${ops_files}
  DEPENDS ${ops_files} ${CMAKE_SOURCE_DIR}/lua/prov/ops_scan.lua VERBATIM)
