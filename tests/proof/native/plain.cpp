// C++ without a library: virtual calls and templates.
namespace {
struct Shape {
    virtual int sides() const = 0;
};
template <int N> struct Polygon final : Shape {
    int sides() const override { return N; }
};
}

extern "C" int proof_sides(int squares) {
    static const Polygon<3> triangle;
    static const Polygon<4> square;
    const Shape *shapes[] = {&triangle, &square};
    int sum = 0;
    for (int i = 0; i <= squares; i++)
        sum += shapes[i > 0]->sides();
    return sum;
}
