#include "bridge.h"

void Counter::add(rust::Str word) { joined.append(word.data(), word.size()); }

std::size_t Counter::total() const { return joined.size(); }

std::unique_ptr<Counter> new_counter() { return std::make_unique<Counter>(); }
