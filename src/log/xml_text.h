#pragma once

#include <string>
#include <string_view>

namespace ntd::log {

// Any bytes as content of an XML element or attribute: no escape sequences, no characters that XML
// forbids, invalid UTF-8 replaced, lines kept.
std::string xml_text(std::string_view bytes);

} // namespace ntd::log
