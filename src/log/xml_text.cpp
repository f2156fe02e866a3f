#include "xml_text.h"

#include <ntd/base/text.h>

namespace ntd::log {

namespace {

void append_escaped(std::string& xml, std::string_view text) {
    for (const char c : text) {
        if (c == '&')
            xml += "&amp;";
        else if (c == '<')
            xml += "&lt;";
        else if (c == '>')
            xml += "&gt;";
        else if (c == '"')
            xml += "&quot;";
        else if ((c == '\xBE' || c == '\xBF') && xml.ends_with("\xEF\xBF"))
            xml += '\xBD'; // U+FFFE and U+FFFF are not allowed in XML: U+FFFD
        else
            xml += c;
    }
}

} // namespace

std::string xml_text(std::string_view bytes) {
    std::string xml;
    xml.reserve(bytes.size());
    for (;;) {
        const auto newline = bytes.find('\n');
        append_escaped(xml, printable(bytes.substr(0, newline)));
        if (newline == bytes.npos)
            return xml;
        xml += '\n';
        bytes.remove_prefix(newline + 1);
    }
}

} // namespace ntd::log
