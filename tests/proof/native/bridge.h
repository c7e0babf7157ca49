#pragma once
#include <memory>
#include <string>
#include "rust/cxx.h"

class Counter {
public:
    void add(rust::Str word);
    std::size_t total() const;

private:
    std::string joined;
};

std::unique_ptr<Counter> new_counter();
