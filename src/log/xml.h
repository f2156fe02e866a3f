#pragma once

#include <pugixml.hpp>

#include <string>
#include <string_view>

namespace ntd::log {

inline constexpr std::string_view xml_declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

// Makes any bytes text that XML can have. Removes escape sequences and characters that XML forbids,
// replaces invalid UTF-8, keeps line ends. pugixml escapes, but does none of this.
std::string xml_text(std::string_view bytes);

// Appends an element with what is in it. Tags follow each other without a break, or in lines.
enum class XmlLayout { dense, lines };
void append_xml(std::string& to, const pugi::xml_node& element, XmlLayout layout);

} // namespace ntd::log
