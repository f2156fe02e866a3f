#include <ntd/machine/kept_text.h>

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace ntd::machine {

namespace {

namespace fs = std::filesystem;

// Keeps 8 bytes in memory and 20 on disk.
KeptText small() {
    return KeptText(fs::temp_directory_path(), {.memory = 8, .disk = 20});
}

std::string all(const KeptText& text) {
    return text.read(text.begin(), text.size());
}

TEST(KeptText, KeepsWhatFitsInMemory) {
    auto text = small();
    text.append("abc");
    text.append("def");
    EXPECT_EQ(all(text), "abcdef");
    EXPECT_EQ(text.size(), 6U);
}

TEST(KeptText, KeepsMoreOnTheDisk) {
    auto text = small();
    for (const char* piece : {"abcdefg", "hijk", "lm", "nopqrst"})
        text.append(piece);
    EXPECT_EQ(all(text), "abcdefghijklmnopqrst");
    EXPECT_EQ(text.begin(), 0U);
}

TEST(KeptText, ReadsAnyPartOfBoth) {
    auto text = small();
    const std::string whole = "abcdefghijklmnopqrst";
    for (const char c : whole)
        text.append({&c, 1});
    for (std::size_t from = 0; from <= whole.size(); ++from)
        for (std::size_t most = 0; most <= whole.size(); ++most)
            EXPECT_EQ(text.read(from, most), whole.substr(from, most)) << from << " " << most;
}

TEST(KeptText, LosesTheOldestBeyondTheLimit) {
    auto text = small();
    std::string whole;
    for (int i = 0; i < 100; ++i) {
        const auto piece = std::to_string(i) + ".";
        text.append(piece);
        whole += piece;
        EXPECT_EQ(all(text), whole.substr(text.begin()));
        EXPECT_LE(text.size() - text.begin(), 28U);
        EXPECT_GE(text.size() - text.begin(), std::min<std::size_t>(whole.size(), 20U));
    }
}

TEST(KeptText, TakesAPieceThatIsLongerThanAllThatItKeeps) {
    auto text = small();
    std::string piece(100, 'x');
    piece.back() = 'y';
    text.append(piece);
    EXPECT_EQ(text.size(), 100U);
    EXPECT_EQ(all(text), piece.substr(text.begin()));
}

TEST(KeptText, GivesNothingFromBeyondTheEnd) {
    auto text = small();
    text.append("abc");
    EXPECT_EQ(text.read(100, 5), "");
}

TEST(KeptText, LosesWhatIsOldWhereNoFileCanBeMade) {
    KeptText text("/nonexistent", {.memory = 8, .disk = 20});
    text.append("abcdefghijkl");
    EXPECT_EQ(text.begin(), 8U);
    EXPECT_EQ(all(text), "ijkl");
}

TEST(KeptText, LeavesNoName) {
    const auto directory = fs::temp_directory_path() / ("kept-text-" + std::to_string(::getpid()));
    fs::create_directory(directory);
    {
        KeptText text(directory, {.memory = 8, .disk = 20});
        text.append("abcdefghijkl");
        EXPECT_TRUE(fs::is_empty(directory));
        EXPECT_EQ(text.begin(), 0U);
    }
    fs::remove_all(directory);
}

TEST(KeptText, BeginsAnew) {
    auto text = small();
    text.append("abcdefghijkl");
    text.clear();
    text.append("xyz");
    EXPECT_EQ(all(text), "xyz");
}

} // namespace

} // namespace ntd::machine
