#include "pictures.h"

#include "html.h"

#include <ntd/base/unique_fd.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace ntd::report {

namespace {

constexpr off_t largest = off_t{16} << 20;

std::optional<std::string> content_of(const std::filesystem::path& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size > largest)
        return std::nullopt;
    std::string content(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t size = 0;
    while (size < content.size()) {
        const ssize_t count = ::read(fd.get(), content.data() + size, content.size() - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    content.resize(size);
    return content;
}

// Empty for what browsers do not show.
const char* type_of(std::string_view content) {
    if (content.starts_with("\x89PNG\r\n"))
        return "image/png";
    if (content.starts_with("\xff\xd8\xff"))
        return "image/jpeg";
    return "";
}

bool stays_in_directory(const std::filesystem::path& file) {
    const auto normal = file.lexically_normal();
    return !normal.empty() && normal.is_relative() && *normal.begin() != "..";
}

} // namespace

std::string Pictures::show(const std::string& file, const std::string& description) {
    if (!stays_in_directory(file))
        return fmt::format("<p class=\"note\">picture {}</p>", html(file));
    const auto content = content_of(directory_ / file);
    const std::string type = content ? type_of(*content) : "";
    if (!type.empty() && content->size() <= room_) {
        room_ -= content->size();
        return fmt::format("<img alt=\"{}\" src=\"data:{};base64,{}\">", html(description), type,
                           base64(*content));
    }
    return fmt::format("<p class=\"note\">picture <a href=\"{}\">{}</a>{}</p>", url_of(file),
                       html(file), content ? "" : " (missing)");
}

} // namespace ntd::report
