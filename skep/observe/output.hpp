// SPDX-License-Identifier: Apache-2.0
//
// Output: where shown text goes. Views and the JSON writer write to one, a piece at a time, so that
// the dump of a large map need not fit into memory.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace skep::observe {

class Output {
  public:
    virtual ~Output() = default;
    virtual void write(std::string_view text) = 0;
};

// Keeps what was written.
class TextOutput final : public Output {
  public:
    void write(std::string_view text) override { text_.append(text); }
    [[nodiscard]] const std::string& text() const { return text_; }
    std::string take() { return std::exchange(text_, {}); }

  private:
    std::string text_;
};

} // namespace skep::observe
