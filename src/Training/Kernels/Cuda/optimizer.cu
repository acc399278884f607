// The element-wise parts of the optimizer, each in one pass over memory. All tensors are float32.

// parts[block] = the sum of squares of a piece.
extern "C" __global__ void square_sum(const float *x, int64 count, double *parts) {
    __shared__ float lanes[Lanes];
    int64 start = blockIdx.x * SquarePiece, end = count - start < SquarePiece ? count : start + SquarePiece;
    EACH_LANE(lane) {
        float sum = 0;
        for (int64 i = start + lane; i < end; i += Lanes) {
            sum = fmaf(x[i], x[i], sum);
        }
        lanes[lane] = sum;
    }
    float total = joined<Sum>(lanes);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = total;
    }
}

// Scales x to a norm of at most the given one. A NaN norm makes every element NaN.
extern "C" __global__ void clip(float *x, int64 count, const double *squares, double maximum) {
    double factor = maximum / (sqrt(*squares) + 1e-6);
    if (factor >= 1) {
        return;
    }
    int64 start = blockIdx.x * Piece, end = count - start < Piece ? count : start + Piece;
    EACH_LANE(lane) {
        for (int64 i = start + lane; i < end; i += Lanes) {
            x[i] *= (float)factor;
        }
    }
}

// One step of AdamW (arXiv:1711.05101), the decay first.
extern "C" __global__ void adamw(
    float *p, const float *g, float *m, float *v, float decay, float beta1, float new1, float beta2, float new2, float root, float epsilon, float rate,
    int64 count) {
    int64 start = blockIdx.x * Piece, end = count - start < Piece ? count : start + Piece;
    EACH_LANE(lane) {
        for (int64 i = start + lane; i < end; i += Lanes) {
            float slope = g[i];
            float first = fmaf(slope, new1, m[i] * beta1);
            float second = fmaf(slope * slope, new2, v[i] * beta2);
            m[i] = first;
            v[i] = second;
            p[i] = p[i] * decay - first / fmaf(sqrtf(second), root, epsilon) * rate;
        }
    }
}

// m = momentum·m + rest·g, u = rest·g + momentum·m: Nesterov momentum.
extern "C" __global__ void momentum(const float *g, float *m, float *u, float momentum, float rest, int64 count) {
    int64 start = blockIdx.x * Piece, end = count - start < Piece ? count : start + Piece;
    EACH_LANE(lane) {
        for (int64 i = start + lane; i < end; i += Lanes) {
            float slope = g[i] * rest;
            float first = fmaf(m[i], momentum, slope);
            m[i] = first;
            u[i] = fmaf(first, momentum, slope);
        }
    }
}

// Divides every row by its norm, or by 1e-7 if that is larger; a block computes a row.
extern "C" __global__ void normalize_rows(float *u, int columns) {
    __shared__ float lanes[Lanes];
    int64 row = (int64)blockIdx.x * columns;
    EACH_LANE(lane) {
        float sum = 0;
        for (int i = lane; i < columns; i += Lanes) {
            sum = fmaf(u[row + i], u[row + i], sum);
        }
        lanes[lane] = sum;
    }
    float norm = sqrtf(joined<Sum>(lanes));
    norm = norm < 1e-7f ? 1e-7f : norm;
    EACH_LANE(lane) {
        for (int i = lane; i < columns; i += Lanes) {
            u[row + i] /= norm;
        }
    }
}

// Mean squares of the rows of matrices; a block computes a row.
extern "C" __global__ void row_squares(const float *x, float *means, int columns) {
    __shared__ float lanes[Lanes];
    int64 row = (int64)blockIdx.x * columns;
    EACH_LANE(lane) {
        float sum = 0;
        for (int i = lane; i < columns; i += Lanes) {
            sum = fmaf(x[row + i], x[row + i], sum);
        }
        lanes[lane] = sum;
    }
    float total = joined<Sum>(lanes);
    if (threadIdx.x == 0) {
        means[blockIdx.x] = total / columns;
    }
}

// Mean squares of the columns of matrices: a block computes 256 columns of one matrix, a lane one column.
extern "C" __global__ void column_squares(const float *x, float *means, int rows, int columns) {
    int pieces = (columns + Lanes - 1) / Lanes;
    int64 matrix = blockIdx.x / pieces;
    EACH_LANE(lane) {
        int column = (int)(blockIdx.x % pieces) * Lanes + lane;
        if (column < columns) {
            float sum = 0;
            for (int row = 0; row < rows; row++) {
                float v = x[(matrix * rows + row) * columns + column];
                sum = fmaf(v, v, sum);
            }
            means[matrix * columns + column] = sum / rows;
        }
    }
}

// Normalisation by the running mean square (arXiv:2510.05491) that restores the norm of the matrix; a block computes a matrix. The factors overwrite the means.
// averaged: elements of each mean.
extern "C" __global__ void even_out(float *means, float *second, float beta2, float new2, int kept, int averaged) {
    __shared__ double before[Lanes];
    __shared__ double after[Lanes];
    means += (int64)blockIdx.x * kept;
    second += (int64)blockIdx.x * kept;
    EACH_LANE(lane) {
        double sum = 0, scaled = 0;
        for (int i = lane; i < kept; i += Lanes) {
            float running = second[i] * beta2 + means[i] * new2;
            second[i] = running;
            float scale = 1.0f / sqrtf(running < 1e-10f ? 1e-10f : running);
            sum += means[i];
            scaled += (double)means[i] * scale * scale;
            means[i] = scale;
        }
        before[lane] = sum;
        after[lane] = scaled;
    }
    double length = sqrt(joined<Sum>(before) * averaged), scaledLength = sqrt(joined<Sum>(after) * averaged);
    float keep = (float)(length / (scaledLength < 1e-10 ? 1e-10 : scaledLength));
    EACH_LANE(lane) {
        for (int i = lane; i < kept; i += Lanes) {
            means[i] *= keep;
        }
    }
}

// Applies the update with cautious weight decay (arXiv:2411.16085): the decay applies only where update and weight have the same sign. A block computes a row;
// tall: there is a factor for each row, otherwise for each column.
extern "C" __global__ void muon_step(float *p, const float *x, const float *factors, float rate, float rateDecay, int tall, int rows, int columns) {
    int64 row = (int64)blockIdx.x * columns, matrix = blockIdx.x / rows;
    EACH_LANE(lane) {
        for (int i = lane; i < columns; i += Lanes) {
            float update = x[row + i] * (tall ? factors[blockIdx.x] : factors[matrix * columns + i]), weight = p[row + i];
            float decayed = update * weight >= 0.0f ? weight : weight * 0.0f;
            p[row + i] = weight - update * rate - decayed * rateDecay;
        }
    }
}
