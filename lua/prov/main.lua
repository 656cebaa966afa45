--- Entry of the program: hands the arguments to the CLI face and runs the loop.

return function(argv)
  if not require("core.app").tree then
    package.path, package.cpath = "", "" -- nothing but what is built in, least of all from "."
  end
  return require("prov.face.cli").main(argv)
end
