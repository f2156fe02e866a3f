#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ntd::report {

// Appends text of any bytes in a form that is safe between tags and in quoted attributes. Control
// characters and those that change the writing direction become visible escapes; colours are left
// out. Line ends stay.
void append_html(std::string& to, std::string_view text);
std::string html(std::string_view text);

std::string base64(std::string_view bytes);

// A relative path as the target of a link.
std::string url_of(const std::filesystem::path& relative);

// "0.25 s", "3 min 05 s".
std::string duration(double seconds);

} // namespace ntd::report
