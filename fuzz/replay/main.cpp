// SPDX-License-Identifier: Apache-2.0
//
// Replays the seeds of a fuzz target without a fuzzer: each file below the folders given, and for
// each a number of copies with bytes changed, cut and doubled. The changes come from a fixed seed,
// so that what fails once fails again.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;
constexpr int kCopies = 50;
constexpr std::size_t kMaxBytes = 1U << 16;

void changed(Input& input, std::mt19937& random) {
    for (unsigned change = 1 + random() % 4; change > 0 && !input.empty(); --change) {
        const auto at = static_cast<std::ptrdiff_t>(random() % input.size());
        const auto end = std::min(at + 1 + static_cast<std::ptrdiff_t>(random() % 16),
                                  static_cast<std::ptrdiff_t>(input.size()));
        switch (random() % 4) {
        case 0:
            input[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random());
            break;
        case 1:
            input[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << (random() % 8));
            break;
        case 2:
            input.erase(input.begin() + at, input.begin() + end);
            break;
        default: {
            const Input piece(input.begin() + at, input.begin() + end);
            input.insert(input.begin() + static_cast<std::ptrdiff_t>(random() % input.size()),
                         piece.begin(), piece.end());
            break;
        }
        }
    }
}

void run(const Input& input) {
    static_cast<void>(LLVMFuzzerTestOneInput(input.data(), std::min(input.size(), kMaxBytes)));
}

} // namespace

int main(int argc, char** argv) {
    std::mt19937 random(1);
    std::size_t seeds = 0;
    run({});
    for (int folder = 1; folder < argc; ++folder) {
        std::error_code problem;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(argv[folder], problem)) {
            if (!entry.is_regular_file()) {
                continue;
            }
            std::ifstream stream(entry.path(), std::ios::binary);
            const Input seed{std::istreambuf_iterator<char>(stream),
                             std::istreambuf_iterator<char>()};
            run(seed);
            for (int copy = 0; copy < kCopies; ++copy) {
                Input input = seed;
                changed(input, random);
                run(input);
            }
            ++seeds;
        }
    }
    std::printf("%zu seeds, %zu inputs\n", seeds, seeds * (kCopies + 1) + 1);
    return 0;
}
