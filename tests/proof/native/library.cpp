// C++ with its standard library: containers, streams, and an exception that is caught.
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

extern "C" int proof_longest_word(const char *text) {
    std::map<std::string, std::size_t> lengths;
    std::istringstream words(text);
    for (std::string word; words >> word;)
        lengths[word] = word.size();
    std::size_t longest = 0;
    for (const auto &entry : lengths)
        longest = std::max(longest, entry.second);
    return static_cast<int>(longest);
}

// WASI's C++ library has no exceptions.
#ifndef __wasi__
extern "C" int proof_caught(int value) {
    try {
        if (value < 0)
            throw std::out_of_range("below " + std::to_string(0));
        return value;
    } catch (const std::exception &error) {
        return -static_cast<int>(std::string(error.what()).size());
    }
}
#endif
