#pragma once

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace ntd::report {

// A directory for a record and its report.
class ReportFiles : public testing::Test {
protected:
    ReportFiles() {
        std::string name = (std::filesystem::temp_directory_path() / "report.XXXXXX").string();
        directory = ::mkdtemp(name.data());
        record = directory / "record.jsonl";
    }

    ~ReportFiles() override { std::filesystem::remove_all(directory); }

    static void write(const std::filesystem::path& file, const std::string& text) {
        std::ofstream(file, std::ios::binary) << text;
    }

    static std::string read(const std::filesystem::path& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    std::filesystem::path directory;
    std::filesystem::path record;
};

} // namespace ntd::report
