# What `cmake --install` puts where, and the Debian package made of it.  The binary finds
# lib/prov and share/prov from its own path, so any prefix works.
install(TARGETS prov RUNTIME DESTINATION bin)
get_directory_property(shared DIRECTORY ${CMAKE_SOURCE_DIR}/core DEFINITION PV_SHARED)
foreach(name IN LISTS shared)
  if(TARGET prov-${name})
    install(TARGETS prov-${name} LIBRARY DESTINATION lib/prov)
  endif()
endforeach()
foreach(folder IN ITEMS providers taskservs clusters workspaces)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${folder})
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION share/prov PATTERN ".prov" EXCLUDE)
  endif()
endforeach()
configure_file(${CMAKE_SOURCE_DIR}/core/systemd/prov-orchestrator.service.in
  ${CMAKE_BINARY_DIR}/generated/prov-orchestrator.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/prov-orchestrator.service
  ${CMAKE_SOURCE_DIR}/core/systemd/prov-orchestrator.socket DESTINATION lib/systemd/system)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md DESTINATION share/doc/prov)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION share/doc/prov) # the links of README.md, and messages, lead there
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/prov RENAME copyright)
# Completion and man pages come out of the operations of the program just installed.
install(CODE "set(prov \"$<TARGET_FILE:prov>\")\nset(tree \"${CMAKE_SOURCE_DIR}\")")
install(SCRIPT ${CMAKE_SOURCE_DIR}/core/install_docs.cmake)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME prov)
set(CPACK_PACKAGE_VENDOR "The prov authors")
set(CPACK_PACKAGE_CONTACT "The prov authors <prov@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "infrastructure automation in one binary")
set(CPACK_PACKAGE_DESCRIPTION "prov validates, plans and creates servers, networks and services from a
workspace of plain files, installs services on servers over SSH, and keeps the
truth in an embedded store.")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS mmdebstrap)
include(CPack)
