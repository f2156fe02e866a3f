# A small module system with the rules of nixpkgs' that test modules rely on: an option may be declared more than once
# as long as no two declarations say the same thing about it, definitions have priorities, equal ones are merged, and
# an option may be a whole configuration made of the same modules (submodule = true).
{ lib }:

let
  inherit (builtins)
    concatMap
    filter
    foldl'
    head
    isAttrs
    isFunction
    isList
    length
    tail
    ;

  kindOf = value: if isAttrs value then value._type or "" else "";
  isOption = value: kindOf value == "option";
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  at = path: value: foldl' (inside: name: inside.${name}) value path;
  has =
    path: value:
    path == [ ] || (isAttrs value && value ? ${head path} && has (tail path) value.${head path});

  # Paths of all options in a tree of declarations.
  pathsIn =
    prefix: tree:
    concatMap (
      name:
      let
        path = prefix ++ [ name ];
      in
      if isOption tree.${name} then [ path ] else pathsIn path tree.${name}
    ) (builtins.attrNames tree);

  declare =
    path: first: second:
    let
      twice = builtins.attrNames (removeAttrs (builtins.intersectAttrs first second) [ "_type" ]);
    in
    if twice == [ ] then first // second else throw "option ${toString path}: declared twice: ${toString twice}";

  merge =
    path: values:
    let
      all = accepts: builtins.all accepts values;
    in
    if length values == 1 then
      head values
    else if all isList then
      builtins.concatLists values
    else if all (value: isAttrs value && !(value ? type)) then
      foldl' (a: b: a // b) { } values
    else
      throw "option ${toString path}: more than one definition of the same priority";

  evalModules =
    { modules, specialArgs ? { } }:
    let
      arguments = specialArgs // { inherit config; };
      normalise =
        module:
        let
          loaded = if builtins.isPath module then import module else module;
          attributes = if isFunction loaded then loaded arguments else loaded;
          isLong = attributes ? config || attributes ? options;
        in
        concatMap normalise (attributes.imports or [ ])
        ++ [
          {
            options = attributes.options or { };
            config = if isLong then attributes.config or { } else removeAttrs attributes [ "imports" ];
          }
        ];
      all = concatMap normalise modules;
      paths = builtins.genericClosure {
        startSet = map (path: {
          key = toString path;
          inherit path;
        }) (concatMap (module: pathsIn [ ] module.options) all);
        operator = _: [ ];
      };
      optionAt =
        path:
        foldl' (declare path) { } (
          map (module: at path module.options) (filter (module: has path module.options) all)
        );
      valueAt =
        path:
        let
          option = optionAt path;
          default = if option ? default then [ (mkOverride 1500 option.default) ] else [ ];
          asOverride = value: if kindOf value == "override" then value else mkOverride 100 value;
          given = map (module: asOverride (at path module.config)) (
            filter (module: has path module.config) all
          );
          definitions = given ++ default;
          strongest = foldl' (low: d: if d.priority < low then d.priority else low) 9999 definitions;
          winners = map (d: d.content) (filter (d: d.priority == strongest) definitions);
          nested = evalModules {
            modules = modules ++ map (d: d.content) given;
            inherit specialArgs;
          };
          value =
            if option.submodule or false then
              nested.config
            else if definitions == [ ] then
              throw "option ${toString path} is used but not defined"
            else
              merge path winners;
        in
        (option.apply or (v: v)) value;
      config = outline [ ] (map (entry: entry.path) paths);
      outline =
        prefix: below:
        lib.genAttrs (lib.unique (map head below)) (
          name:
          let
            deeper = filter (path: path != [ ]) (map tail (filter (path: head path == name) below));
          in
          if deeper == [ ] then valueAt (prefix ++ [ name ]) else outline (prefix ++ [ name ]) deeper
        );
    in
    { inherit config; };
in
{
  inherit evalModules;
  mkOption = attributes: { _type = "option"; } // attributes;
  mkForce = mkOverride 50;
  mkDefault = mkOverride 1000;
}
