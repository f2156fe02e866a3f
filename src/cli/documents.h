#pragma once

#include <string>

namespace ntd::cli {

// Documents for users and shells, generated from the program's tables.
std::string manual();          // nixos-test-driver(1), for man(7) macros
std::string bash_completion(); // for bash-completion, or to be sourced
std::string zsh_completion();  // a function for $fpath: _nixos-test-driver
std::string fish_completion();

} // namespace ntd::cli
