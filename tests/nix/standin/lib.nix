# What the project's Nix files and this stand-in use of nixpkgs' lib: the names and meanings are its, the rest is not.
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    isList
    listToAttrs
    map
    match
    replaceStrings
    split
    stringLength
    substring
    ;
in
rec {
  inherit (builtins) any attrValues concatMap elem;

  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: values: if condition then values else [ ];
  optionalString = condition: text: if condition then text else "";
  findFirst =
    accepts: otherwise: values:
    let
      found = filter accepts values;
    in
    if found == [ ] then otherwise else builtins.head found;
  unique = builtins.foldl' (seen: value: if elem value seen then seen else seen ++ [ value ]) [ ];
  genAttrs =
    names: f:
    listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );
  fix =
    f:
    let
      result = f result;
    in
    result;

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  removePrefix =
    prefix: text:
    if hasPrefix prefix text then substring (stringLength prefix) (stringLength text) text else text;
  versionAtLeast = version: least: builtins.compareVersions version least >= 0;
  getName = package: package.pname or (builtins.parseDrvName package.name).name;
  makeBinPath = packages: concatStringsSep ":" (map (package: "${package}/bin") packages);
  escapeShellArg = word: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString word)}'";
  escapeShellArgs = words: concatStringsSep " " (map escapeShellArg words);
  # A name of a machine as an identifier.
  pythonName =
    name:
    let
      characters = filter (part: part != "" && !isList part) (split "" name);
      first = elemAt characters 0;
      rest = builtins.tail characters;
      accepted = pattern: c: if match pattern c == null then "_" else c;
    in
    concatStringsSep "" ([ (accepted "[A-Za-z_]" first) ] ++ map (accepted "[A-Za-z0-9_]") rest);

  licenses.mit = "mit";
  platforms.linux = [ builtins.currentSystem ];

  # Packages as functions whose arguments come from a set, and can be changed afterwards.
  callPackageWith =
    set: file: arguments:
    let
      f = if builtins.isFunction file then file else import file;
      wanted = builtins.intersectAttrs (builtins.functionArgs f) set;
      # Each keeps what the other has changed.
      make =
        changes: given:
        builtins.foldl' (package: change: package.overrideAttrs change) (f given) changes
        // {
          override = more: make changes (given // more);
          overrideAttrs = change: make (changes ++ [ change ]) given;
        };
    in
    make [ ] (wanted // arguments);

  inherit (import ./modules.nix { lib = { inherit genAttrs unique; }; })
    evalModules
    mkDefault
    mkForce
    mkOption
    ;
}
