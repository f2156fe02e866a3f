#pragma once

#include <string_view>

namespace ntd::report {

// Files of this directory, which embed.cmake puts into the program.
extern const std::string_view style_sheet;   // report.css
extern const std::string_view page_script;   // report.js
extern const std::string_view page_controls; // controls.html
extern const std::string_view key_help;      // help.html

} // namespace ntd::report
