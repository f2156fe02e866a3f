#include "documents.h"

#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>

namespace {

using namespace ntd;

std::string document(std::string_view name) {
    if (name == "man")
        return cli::manual();
    if (name == "bash")
        return cli::bash_completion();
    if (name == "zsh")
        return cli::zsh_completion();
    return cli::fish_completion();
}

bool write(const char* file, const std::string& text) {
    std::FILE* stream = std::fopen(file, "we");
    if (stream == nullptr)
        return false;
    const bool is_written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
    return std::fclose(stream) == 0 && is_written;
}

} // namespace

// Usage: documents man|bash|zsh|fish FILE. Only the build runs this.
int main(int argc, char** argv) {
    try {
        if (argc == 3 && write(argv[2], document(argv[1])))
            return 0;
        std::perror(argc == 3 ? argv[2] : "documents man|bash|zsh|fish FILE");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "documents: %s\n", error.what());
    }
    return 1;
}
