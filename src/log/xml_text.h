#pragma once

#include <string>
#include <string_view>

namespace ntd::log {

// Makes any bytes valid content of an XML element or attribute. Removes escape sequences and
// characters that XML forbids, replaces invalid UTF-8, keeps line ends.
std::string xml_text(std::string_view bytes);

} // namespace ntd::log
