"""heat_4d: a solution that is one product is found with the error of its splines, at the shipped cells and when they are halved."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import DEBUG, Checks, run, shipped

checks = Checks()
errors = []
for cells in ((12, 4), (24, 8)) if not DEBUG else ((6, 2), (12, 4)):
    done = run(shipped("heat_4d"), args=["-dim_x_cells", cells[0], "-dim_y_cells", cells[0], "-dim_t_cells", cells[1], "-vsna_als_rtol", 1e-12])
    if not checks.solved(done, f"{cells[0]}, {cells[1]} cells"):
        checks.end()
    errors.append(done.results["error_l2"])
slope = math.log2(errors[1] / errors[0])
print(f"      errors {errors[0]:.3e} {errors[1]:.3e}, slope {slope:.2f}")
checks.below(slope, -3.9, "slope of cubic splines")
# Best cubic splines: (pi h)^4 sqrt(|B_8|/8!) = (pi/12)^4 * 9.1e-4 = 4.3e-6 in x and y each; time and conductivity are smooth.
checks.below(errors[1], 2e-5 if not DEBUG else 4e-4, "error on the finer cells")
checks.that(done.results["error_standard_error"] == 0, "a separable reference is integrated exactly: standard error 0", done)
checks.end()
