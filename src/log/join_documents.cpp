#include <ntd/log/join_documents.h>

#include "xml.h"

#include <fstream>

namespace ntd::log {

namespace {

// Not pugixml's default, which drops the blanks of a line that has nothing else.
constexpr auto with_all_blanks = pugi::parse_default | pugi::parse_ws_pcdata;

} // namespace

bool join_documents(const std::filesystem::path& earlier, const std::filesystem::path& later) {
    pugi::xml_document all;
    pugi::xml_document added;
    all.load_file(earlier.c_str(), with_all_blanks);
    added.load_file(later.c_str(), with_all_blanks);
    auto root = all.document_element(); // also of a document that was cut
    if (!root || !added.document_element())
        return false;
    for (const auto& each : added.document_element())
        root.append_copy(each);
    std::string xml(xml_declaration);
    append_xml(xml, root, XmlLayout::dense);
    std::ofstream file(later, std::ios::binary | std::ios::trunc);
    file << xml << '\n';
    file.close();
    return file.good();
}

} // namespace ntd::log
