# Runs at install time: writes completion and man pages with the program that was built.
# `prov` is its path, `tree` the source tree.
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")

function(write_completion shell file)
  execute_process(COMMAND ${prov} completion ${shell} OUTPUT_VARIABLE text RESULT_VARIABLE failed)
  if(failed OR text STREQUAL "")
    message(FATAL_ERROR "`prov completion ${shell}` failed")
  endif()
  file(WRITE ${root}/${file} "${text}")
endfunction()

if(EXISTS ${tree}/lua/ops/completion.lua OR EXISTS ${tree}/lua/ops/completion)
  write_completion(bash share/bash-completion/completions/prov)
  if(CMAKE_INSTALL_PREFIX STREQUAL "/usr") # where Debian's packages put theirs
    write_completion(zsh share/zsh/vendor-completions/_prov)
  else()
    write_completion(zsh share/zsh/site-functions/_prov)
  endif()
  write_completion(fish share/fish/vendor_completions.d/prov.fish)
endif()
if(EXISTS ${tree}/lua/ops/docs)
  execute_process(COMMAND ${prov} docs man --out ${root}/share/man/man1 RESULT_VARIABLE failed OUTPUT_QUIET)
  if(failed)
    message(FATAL_ERROR "`prov docs man` failed")
  endif()
endif()
