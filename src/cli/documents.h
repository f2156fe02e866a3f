#pragma once

#include <string>

namespace ntd::cli {

// What is installed beside the program for people and their shells, made from its tables.
std::string manual();          // nixos-test-driver(1), for man(7) macros
std::string bash_completion(); // a file for bash-completion, or to be sourced
std::string zsh_completion();  // a function of $fpath, _nixos-test-driver
std::string fish_completion();

} // namespace ntd::cli
