--- Entry of the program: hands the arguments to the CLI face and runs the loop.

return function(argv)
  local cli = require("prov.face.cli")
  return cli.main(argv)
end
