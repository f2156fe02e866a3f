#include "xml.h"

#include <ntd/base/text.h>

namespace ntd::log {

namespace {

class Appender final : public pugi::xml_writer {
public:
    explicit Appender(std::string& to) : to_(to) {}

    void write(const void* data, std::size_t size) override {
        to_.append(static_cast<const char*>(data), size);
    }

private:
    std::string& to_;
};

// U+FFFE and U+FFFF become U+FFFD.
void replace_noncharacters(std::string& text) {
    constexpr std::string_view begin = "\xEF\xBF";
    for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 3))
        if (text[at + 2] == '\xBE' || text[at + 2] == '\xBF')
            text[at + 2] = '\xBD';
}

} // namespace

std::string xml_text(std::string_view bytes) {
    std::string text;
    for (;;) {
        const auto newline = bytes.find('\n');
        text += printable(bytes.substr(0, newline));
        if (newline == bytes.npos)
            break;
        text += '\n';
        bytes.remove_prefix(newline + 1);
    }
    replace_noncharacters(text);
    return text;
}

void append_xml(std::string& to, const pugi::xml_node& element, XmlLayout layout) {
    Appender appender(to);
    const auto format = layout == XmlLayout::dense ? pugi::format_raw : 0; // 0: no indentation
    element.print(appender, "", format | pugi::format_no_empty_element_tags, pugi::encoding_utf8);
}

} // namespace ntd::log
