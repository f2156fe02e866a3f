#include <ntd/os/private_directory.h>

#include "support.h"

#include <ntd/base/error.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace ntd::os {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A directory for each test. Tests with directories of other users are in tests/security, since
// they need another user.
class PrivateDirectory : public testing::Test {
protected:
    PrivateDirectory() {
        std::string name = fs::temp_directory_path() / "ntd-private-XXXXXX";
        root_ = ::mkdtemp(name.data());
    }
    ~PrivateDirectory() override { fs::remove_all(root_); }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;
    PrivateDirectory(PrivateDirectory&&) = delete;
    PrivateDirectory& operator=(PrivateDirectory&&) = delete;

    static mode_t mode_of(const fs::path& path) {
        struct stat status {};
        EXPECT_EQ(::lstat(path.c_str(), &status), 0);
        return status.st_mode & 07777U;
    }

    static std::string refusal(const fs::path& path) {
        try {
            open_private_directory(path);
        } catch (const Error& error) {
            return error.what();
        }
        return "taken";
    }

    fs::path root_;
};

TEST_F(PrivateDirectory, IsMadeWithItsParents) {
    EXPECT_TRUE(open_private_directory(root_ / "a" / "b" / ""));
    EXPECT_EQ(mode_of(root_ / "a"), 0700U);
    EXPECT_EQ(mode_of(root_ / "a" / "b"), 0700U);
}

TEST_F(PrivateDirectory, IsReusedAndCloseToOthers) {
    fs::create_directory(root_ / "a");
    ::chmod((root_ / "a").c_str(), 0755);
    std::ofstream(root_ / "a" / "kept") << "x";
    EXPECT_TRUE(open_private_directory(root_ / "a"));
    EXPECT_EQ(mode_of(root_ / "a"), 0700U);
    EXPECT_TRUE(fs::exists(root_ / "a" / "kept"));
}

TEST_F(PrivateDirectory, MayBeBelowALink) {
    fs::create_directory(root_ / "real");
    fs::create_symlink(root_ / "real", root_ / "link");
    EXPECT_TRUE(open_private_directory(root_ / "link" / "a"));
    EXPECT_TRUE(fs::is_directory(root_ / "real" / "a"));
}

TEST_F(PrivateDirectory, IsNoLink) {
    fs::create_directory(root_ / "real");
    fs::create_symlink("real", root_ / "link");
    EXPECT_THAT(refusal(root_ / "link"), HasSubstr("is a symbolic link, but a directory"));
    EXPECT_THAT(refusal(root_ / "link" / ""), HasSubstr("is a symbolic link, but a directory"));
}

TEST_F(PrivateDirectory, IsNoFile) {
    std::ofstream(root_ / "file") << "x";
    EXPECT_THAT(refusal(root_ / "file"), HasSubstr("is no directory"));
}

TEST_F(PrivateDirectory, IsWritableToNobodyElse) {
    fs::create_directory(root_ / "a");
    ::chmod((root_ / "a").c_str(), 0720);
    EXPECT_THAT(refusal(root_ / "a"), HasSubstr("its mode is 0720"));
}

TEST_F(PrivateDirectory, OfGuestsIsClosedAgain) {
    fs::create_directory(root_ / "a");
    ::chmod((root_ / "a").c_str(), 0777);
    EXPECT_TRUE(open_private_directory(root_ / "a", Contents::of_guests));
    EXPECT_EQ(mode_of(root_ / "a"), 0700U);
}

TEST_F(PrivateDirectory, ThatIsKnownIsTakenAsItIs) {
    const auto known = open_private_directory(root_ / "a");
    ::chmod((root_ / "a").c_str(), 0777);
    EXPECT_TRUE(open_private_directory(root_ / "a", Contents::ours, known.get()));
    fs::rename(root_ / "a", root_ / "b");
    fs::create_directory(root_ / "a");
    ::chmod((root_ / "a").c_str(), 0777);
    EXPECT_THROW(open_private_directory(root_ / "a", Contents::ours, known.get()), Error);
}

TEST_F(PrivateDirectory, IsRemovedWithoutFollowingLinks) {
    fs::create_directories(root_ / "a" / "b");
    std::ofstream(root_ / "file") << "x";
    fs::create_symlink(root_ / "file", root_ / "a" / "b" / "link");
    EXPECT_TRUE(remove_private(root_ / "a"));
    EXPECT_FALSE(remove_private(root_ / "a"));
    EXPECT_TRUE(fs::exists(root_ / "file"));
}

TEST_F(PrivateDirectory, IsNotThereInADirectoryThatIsNotThere) {
    EXPECT_FALSE(remove_private(root_ / "no" / "such"));
}

TEST_F(PrivateDirectory, OfAFreshNameIsAlwaysAnotherOne) {
    const auto first = make_fresh_directory(root_ / "x");
    EXPECT_NE(make_fresh_directory(root_ / "x"), first);
    EXPECT_EQ(mode_of(first), 0700U);
    EXPECT_EQ(fs::read_symlink(make_fresh_link(root_ / "x", first)), first);
}

TEST_F(PrivateDirectory, HoldsOutputThatReplacesALink) {
    fs::create_symlink("new", root_ / "link");
    EXPECT_TRUE(open_output(root_ / "link"));
    EXPECT_FALSE(fs::exists(root_ / "new"));
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root_ / "link")));
    EXPECT_THROW(open_output(root_), SystemError);
}

TEST_F(PrivateDirectory, LeavesALinkToADeviceAlone) {
    fs::create_symlink("/dev/null", root_ / "link");
    EXPECT_THROW(open_output(root_ / "link"), Error);
    EXPECT_TRUE(fs::is_symlink(root_ / "link"));
}

// Another process that holds the lock on a directory during this object's lifetime.
class Claimant {
public:
    explicit Claimant(const fs::path& path) {
        pid_ = ::fork();
        if (pid_ == 0) {
            const auto claim = claim_private_directory(path);
            claimed_.write(".");
            ::pause();
            ::_exit(0);
        }
        char byte = 0;
        EXPECT_EQ(::read(claimed_.out.get(), &byte, 1), 1);
    }
    ~Claimant() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Claimant(const Claimant&) = delete;
    Claimant& operator=(const Claimant&) = delete;
    Claimant(Claimant&&) = delete;
    Claimant& operator=(Claimant&&) = delete;

    pid_t pid() const { return pid_; }

private:
    Pipe claimed_;
    pid_t pid_ = -1;
};

// In a fork all descriptors of ours stand for /dev/null.
TEST_F(PrivateDirectory, TakesBackNothingButDirectories) {
    std::ofstream(root_ / "file") << "x";
    ::chmod((root_ / "file").c_str(), 0644);
    const UniqueFd file(::open((root_ / "file").c_str(), O_RDONLY | O_CLOEXEC));
    take_back(file.get());
    EXPECT_EQ(mode_of(root_ / "file"), 0644U);
}

TEST_F(PrivateDirectory, IsNotForTwoRuns) {
    {
        const Claimant other(root_ / "a");
        const auto told = fmt::format("process {} (", other.pid());
        try {
            claim_private_directory(root_ / "a");
            ADD_FAILURE() << "it was given to two";
        } catch (const Error& error) {
            EXPECT_NE(std::string_view(error.what()).find(told), std::string_view::npos)
                << error.what();
        }
        EXPECT_THROW(remove_private(root_ / "a"), Error);
        fs::create_directory_symlink(root_ / "a", root_ / "link");
        EXPECT_THROW(remove_private(root_ / "link"), Error);
        EXPECT_TRUE(fs::exists(root_ / "a"));
        EXPECT_TRUE(fs::is_symlink(root_ / "link"));
    }
    EXPECT_TRUE(claim_private_directory(root_ / "a"));
    EXPECT_TRUE(remove_private(root_ / "a"));
}

TEST_F(PrivateDirectory, StaysClaimedWhenItIsClaimedAgain) {
    auto claim = claim_private_directory(root_ / "a");
    claim = claim_private_directory(root_ / "a", Contents::ours, claim.get());
    const UniqueFd other(::open((root_ / "a").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), -1);
    EXPECT_TRUE(remove_private(root_ / "a"));
    claim = claim_private_directory(root_ / "a", Contents::ours, claim.get());
    EXPECT_TRUE(fs::exists(root_ / "a"));
}

} // namespace
} // namespace ntd::os
